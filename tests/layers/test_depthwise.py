"""Atrous depthwise convolutions: torch's own, computed in another order."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from atrous.layers.conv import ConvNormAct
from atrous.layers.depthwise import AtrousDepthwise

LAYOUTS = {"first": torch.contiguous_format, "last": torch.channels_last}


def _drawn(size: tuple[int, int], *, channels: int = 5, batch: int = 2) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(size[0] * 100 + size[1])
    shape = batch, channels, *size
    x, gradient = torch.randn((2, *shape), generator=generator, dtype=torch.float64)
    return x, gradient


def _layer(rate: tuple[int, int], *, kernel_size: int = 3, channels: int = 5) -> AtrousDepthwise:
    torch.manual_seed(0)
    return AtrousDepthwise(channels, kernel_size=kernel_size, rate=rate)


def _all_of(layer: AtrousDepthwise, x: Tensor, gradient: Tensor) -> list[Tensor]:
    """The result, and the loss's gradients by the input and by the weight."""
    x = x.detach().requires_grad_()
    result = layer(x)
    result.backward(gradient)
    assert x.grad is not None
    assert layer.weight.grad is not None
    return [result.detach(), x.grad, layer.weight.grad]


def _torch_says(layer: AtrousDepthwise, x: Tensor, gradient: Tensor) -> list[Tensor]:
    """The same three from torch, in float64 with the channels first."""
    x = x.double().contiguous().requires_grad_()
    weight = layer.weight.detach().double().requires_grad_()
    result = F.conv2d(
        x, weight, padding=layer.padding, dilation=layer.dilation, groups=layer.groups
    )
    return [result.detach(), *torch.autograd.grad(result, (x, weight), gradient.double())]


def _relative_error(found: list[Tensor], expected: list[Tensor]) -> float:
    pairs = zip(found, expected, strict=True)
    return max(float((one - other).abs().max() / other.abs().max()) for one, other in pairs)


@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    rate=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    kernel_size=st.sampled_from([3, 5]),
)
@settings(max_examples=60, deadline=None)
def test_result_and_gradients_are_those_of_torch(
    size: tuple[int, int], rate: tuple[int, int], kernel_size: int
) -> None:
    layer = _layer(rate, kernel_size=kernel_size).double()
    x, gradient = _drawn(size)
    found = _all_of(layer, x, gradient)
    # Both are float64 sums of up to 25 * 40 * 40 products, in another order.
    for one, other in zip(found, _torch_says(layer, x, gradient), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("rate", [2, 6, 8, 12, 18])
def test_bfloat16_gradients_are_right_in_either_layout(rate: int, layout: str) -> None:
    """torch's own are garbage with the channels last: off by 1 to 1e34 times their size."""
    layer = _layer((rate, rate), channels=64).bfloat16()
    x, gradient = (
        part.bfloat16().contiguous(memory_format=LAYOUTS[layout])
        for part in _drawn((23, 30), channels=64)
    )
    found = [part.double() for part in _all_of(layer, x, gradient)]
    # Eight bits of mantissa: 2**-9 for each rounding, the largest sums some times that.
    assert _relative_error(found, _torch_says(layer, x, gradient)) < 2e-2


def test_autocast_computes_in_its_type_and_gives_gradients_in_the_weights() -> None:
    layer = _layer((2, 2))
    x, gradient = (part.float() for part in _drawn((12, 12)))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = layer(x)
    assert result.dtype is torch.bfloat16
    result.backward(gradient.bfloat16())
    assert layer.weight.grad is not None
    assert layer.weight.grad.dtype is torch.float32
    expected = _torch_says(layer, x, gradient)[2]
    assert _relative_error([layer.weight.grad.double()], [expected]) < 2e-2


def test_a_frozen_kernel_still_passes_the_gradient_on() -> None:
    layer = _layer((6, 6)).double().requires_grad_(False)
    x, gradient = _drawn((20, 20))
    x.requires_grad_()
    layer(x).backward(gradient)
    assert x.grad is not None
    torch.testing.assert_close(x.grad, _torch_says(layer, x.detach(), gradient)[1])


def test_its_weights_are_those_of_a_plain_convolution() -> None:
    plain = torch.nn.Conv2d(5, 5, 3, padding=2, dilation=2, groups=5, bias=False)
    _layer((2, 2)).load_state_dict(plain.state_dict())


def test_the_layers_take_it_where_the_kernel_is_depthwise_and_atrous() -> None:
    atrous = ConvNormAct(4, 4, kernel_size=3, groups=4, atrous_rate=2)
    dense_taps = ConvNormAct(4, 4, kernel_size=3, groups=4)
    mixing = ConvNormAct(4, 4, kernel_size=3, atrous_rate=2)
    strided = ConvNormAct(4, 4, kernel_size=3, groups=4, atrous_rate=2, stride=2)
    assert [type(layer.conv) for layer in (atrous, dense_taps, mixing, strided)] == [
        AtrousDepthwise,
        *[torch.nn.Conv2d] * 3,
    ]


def test_an_exported_graph_has_the_plain_convolution() -> None:
    x, _ = (part.float() for part in _drawn((20, 20)))
    program = torch.export.export(_layer((2, 2)), (x,))
    assert [node.name for node in program.graph.nodes if node.op == "call_function"] == ["conv2d"]
