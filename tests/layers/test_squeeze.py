import torch

from atrous.layers.squeeze import HardSigmoid, SqueezeExcite


def test_the_hard_sigmoid_is_a_line_between_two_steps():
    x = torch.tensor([-9.0, -3.0, 0.0, 1.5, 3.0, 9.0])

    # The released factor is 0.16667, not a sixth.
    expected = torch.tensor([0.0, 0.0, 0.50001, 0.750015, 1.00002, 1.00002])
    torch.testing.assert_close(HardSigmoid()(x), expected)


def test_each_channel_is_weighed_by_what_the_means_of_all_say():
    torch.manual_seed(0)
    layer, x = SqueezeExcite(6, 2), torch.randn(2, 6, 5, 4)

    means = x.mean((2, 3))
    inner = (means @ layer.reduce.weight[..., 0, 0].T + layer.reduce.bias).clamp(min=0)
    gates = (inner @ layer.expand.weight[..., 0, 0].T + layer.expand.bias + 3).clamp(0, 6) * 0.16667
    torch.testing.assert_close(layer(x), x * gates[..., None, None])
