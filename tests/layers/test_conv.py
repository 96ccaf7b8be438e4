import numpy as np
import pytest
import torch
import torch.nn.functional as F

from atrous.layers.conv import ConvNormAct, SeparableConv, head_conv, pad_same


def naive_same_convolution(image, kernel, stride, rate):
    """TensorFlow's definition: ceil(side / stride) outputs, the odd zero at the far end."""
    side, reach = image.shape[0], (kernel.shape[0] - 1) * rate + 1
    out = -(-side // stride)
    before = max((out - 1) * stride + reach - side, 0) // 2
    result = np.zeros((out, out))
    for row, column in np.ndindex(out, out):
        for down, across in np.ndindex(kernel.shape):
            y, x = row * stride + down * rate - before, column * stride + across * rate - before
            if 0 <= y < side and 0 <= x < side:
                result[row, column] += image[y, x] * kernel[down, across]
    return result


@pytest.mark.parametrize("side", [6, 7])
@pytest.mark.parametrize(("stride", "rate"), [(1, 1), (1, 2), (2, 1)])
def test_same_padding_is_that_of_the_definition(side, stride, rate):
    layer = ConvNormAct(
        1, 1, kernel_size=3, stride=stride, atrous_rate=rate, norm=None, padding="same"
    )
    image = torch.randn(side, side)

    result = layer(image[None, None])[0, 0].detach().numpy()

    kernel = layer.conv.weight[0, 0].detach().numpy()
    expected = naive_same_convolution(image.numpy(), kernel, stride, rate)
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_the_two_paddings_differ_on_even_sides_only():
    symmetric = ConvNormAct(3, 4, kernel_size=3, stride=2, norm=None)
    same = ConvNormAct(3, 4, kernel_size=3, stride=2, norm=None, padding="same")
    same.load_state_dict(symmetric.state_dict())
    odd, even = torch.randn(1, 3, 9, 9), torch.randn(1, 3, 8, 8)

    torch.testing.assert_close(same(odd), symmetric(odd))
    assert (same(even) - symmetric(even)).abs().max() > 0.1


def test_same_padding_puts_the_odd_value_after():
    padded = pad_same(torch.ones(1, 1, 2, 3), kernel_size=3, stride=2, value=7)

    assert padded[0, 0].tolist() == [[7, 1, 1, 1, 7], [7, 1, 1, 1, 7], [7, 7, 7, 7, 7]]


def test_nothing_is_padded_where_windows_fit():
    x = torch.ones(1, 1, 3, 3)

    torch.testing.assert_close(pad_same(x, kernel_size=3, stride=3), x)


@pytest.mark.parametrize("side", [16, 17])
def test_atrous_convolution_equals_a_dense_one_on_every_second_pixel(side):
    atrous = SeparableConv(4, 4, atrous_rate=2).eval()
    dense = SeparableConv(4, 4).eval()
    dense.load_state_dict(atrous.state_dict())
    x = torch.randn(1, 4, side, side)

    torch.testing.assert_close(atrous(x)[..., ::2, ::2], dense(x[..., ::2, ::2]))


def test_a_separable_convolution_is_the_dense_one_with_the_product_of_its_kernels():
    layer = SeparableConv(3, 5, atrous_rate=2, depthwise_norm=None, relu_between=False).eval()
    x = torch.randn(1, 3, 11, 12)

    depthwise, pointwise = layer.depthwise.conv.weight, layer.pointwise.conv.weight
    dense = pointwise * depthwise.transpose(0, 1)
    expected = F.relu(layer.pointwise.norm(F.conv2d(x, dense, padding=2, dilation=2)))
    torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=1e-4)


def test_relu_stands_between_and_behind_the_halves_only_where_asked():
    plain = SeparableConv(8, 8, relu_between=False, relu_after=False).eval()
    full = SeparableConv(8, 8).eval()
    full.load_state_dict(plain.state_dict())
    x = torch.randn(1, 8, 9, 9)

    expected = F.relu(full.pointwise(F.relu(plain.depthwise(x))))
    torch.testing.assert_close(full(x), expected)
    assert plain(x).min() < 0
    assert plain.depthwise(x).min() < 0


def test_convolutions_leave_the_bias_to_the_norm():
    layer = SeparableConv(2, 2)

    assert layer.depthwise.conv.bias is None
    assert layer.pointwise.conv.bias is None


def test_a_rate_may_differ_down_and_across():
    layer = SeparableConv(4, 6, atrous_rate=(1, 3)).eval()
    x = torch.randn(2, 4, 9, 12)

    kernel = layer.depthwise.conv.weight
    wide = F.conv2d(x, kernel, padding=(1, 3), dilation=(1, 3), groups=4)
    expected = layer.pointwise(F.relu(layer.depthwise.norm(wide)))
    torch.testing.assert_close(layer(x), expected)


def test_a_bare_separable_convolution_has_nothing_between_its_halves():
    torch.manual_seed(0)
    layer = head_conv(4, 6, bare=True, atrous_rate=2).eval()
    x = torch.randn(2, 4, 9, 12)

    wide = F.conv2d(x, layer.depthwise.conv.weight, padding=2, dilation=2, groups=4)
    mixed = F.conv2d(wide, layer.pointwise.conv.weight)
    torch.testing.assert_close(layer(x), F.relu(layer.pointwise.norm(mixed)))


@pytest.mark.parametrize(("separable", "kernel_size"), [(False, 3), (True, 1)])
def test_a_convolution_of_a_head_is_dense_where_asked_or_of_one_pixel(separable, kernel_size):
    layer = head_conv(4, 6, separable=separable, kernel_size=kernel_size, bare=True)

    assert layer.conv.weight.shape == (6, 4, kernel_size, kernel_size)
    assert isinstance(layer.norm, torch.nn.BatchNorm2d)
