import pytest
import torch
from torch import nn

from atrous.layers.conv import ConvNormAct
from atrous.weights.unfold import unfold_norms

NORMS = ["0.norm", "1.norm"]


@pytest.fixture
def folded():
    """Two layers whose norms add a bias and nothing else."""
    torch.manual_seed(0)
    model = nn.Sequential(
        ConvNormAct(3, 8, kernel_size=3, stride=2, activation=nn.ReLU6()),
        ConvNormAct(8, 4, kernel_size=3),
    ).eval()
    for layer in model:
        layer.norm.running_var.fill_(1 - layer.norm.eps)
        nn.init.normal_(layer.norm.bias)
    return model


@pytest.fixture
def batches():
    torch.manual_seed(1)
    return [torch.randn(2, 3, 16, 16) * 3 + 1, torch.randn(1, 3, 16, 16)]


def test_outputs_stay_what_they_were(folded, batches):
    with torch.inference_mode():
        before = folded(batches[0])
    unfold_norms(folded, NORMS, batches)

    with torch.inference_mode():
        torch.testing.assert_close(folded(batches[0]), before, atol=1e-4, rtol=1e-4)


def test_statistics_are_those_of_the_pictures(folded, batches):
    unfold_norms(folded, NORMS, batches)

    maps = torch.cat([folded[0].conv(images) for images in batches]).transpose(0, 1).flatten(1)
    norm = folded[0].norm
    torch.testing.assert_close(norm.running_mean, maps.mean(1), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(norm.running_var, maps.var(1, correction=0), atol=1e-5, rtol=1e-4)


def test_training_starts_from_the_same_outputs(folded, batches):
    one = batches[:1]
    expected = folded(one[0])
    unfold_norms(folded, NORMS, one)

    torch.testing.assert_close(folded.train()(one[0]), expected, atol=1e-4, rtol=1e-4)


def test_a_channel_that_never_changes_keeps_its_value(folded, batches):
    folded[0].conv.weight.data[0] = 0
    expected = folded(batches[0])
    unfold_norms(folded, NORMS, batches)

    torch.testing.assert_close(folded(batches[0]), expected, atol=1e-4, rtol=1e-4)


def test_nothing_is_left_behind_when_reading_pictures_fails(folded, batches):
    def broken():
        yield batches[0]
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        unfold_norms(folded, NORMS, broken())

    assert not any(module._forward_pre_hooks for module in folded.modules())


def test_only_norms_can_be_unfolded(folded, batches):
    with pytest.raises(TypeError, match=r"0\.conv is a Conv2d, not a batch norm"):
        unfold_norms(folded, ["0.conv"], batches)
