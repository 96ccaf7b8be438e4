"""Atrous depthwise convolution that is right and fast on a CPU, in both directions.

On a CPU, torch 2.14 (oneDNN) computes the gradients of an atrous depthwise convolution several
times more slowly than those of a dense one, and in bfloat16 with the channels last its weight
gradient is garbage; above rate 6 the convolution itself is slow, too. At rate 1 all is well, so
the work is done there (docs/decisions/0010-atrous-depthwise.md):

- **Space to batch.** A map taken apart into its rate x rate phases is a batch of small maps, on
  which the convolution has rate 1. TensorFlow computed atrous convolutions in this way.
- **Tap by tap**, where the phases would be only a few pixels wide: each of the nine taps is a
  product of two shifted maps, and with so large a rate most of the shifted maps is outside.

Both are the same sums in another order.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

Rate: TypeAlias = tuple[int, int]
"""Spacing of the taps in pixels, down and across."""
Place: TypeAlias = tuple[slice, slice, slice, slice]
"""Part of a (B, C, H, W) map."""

_LEAST_PHASE = 3
"""Pixels of a phase along a side, below which tap by tap is faster (benchmarks/depthwise.py)."""
_LARGEST_FAST_RATE = 6
"""Rate up to which torch's forward pass is the fastest (the same)."""


def depthwise_gradients(
    x: Tensor, weight: Tensor, gradient: Tensor, rate: Rate
) -> tuple[Tensor, Tensor]:
    """Gradients of a depthwise convolution that keeps the size of its input.

    Args:
        x: What was convolved, (B, C, H, W).
        weight: The kernels, (C, 1, k, k) with odd k.
        gradient: The loss's gradient by the result, (B, C, H, W).
        rate: Spacing of the taps in pixels, down and across.

    Returns:
        The gradients by ``x`` and by ``weight``.
    """
    if _has_wide_phases(x, rate):
        return _phase_gradients(x, weight, gradient, rate)
    return _tap_gradients(x, weight, gradient, rate)


class AtrousDepthwise(nn.Conv2d):
    """A depthwise convolution of any atrous rate that keeps the size of its input.

    Computes what `torch.nn.Conv2d` does, and has its parameters; on a CPU the sums are taken in
    another order.

    Args:
        channels: Channels of the input and of the result.
        kernel_size: Side of the kernel, odd.
        rate: Spacing of the taps in pixels, down and across.
    """

    def __init__(self, channels: int, *, kernel_size: int, rate: Rate) -> None:
        reach = kernel_size // 2
        super().__init__(
            channels,
            channels,
            kernel_size,
            padding=(rate[0] * reach, rate[1] * reach),
            dilation=rate,
            groups=channels,
            bias=False,
        )

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        tracing = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        exports = tracing or torch.compiler.is_exporting()
        if input.device.type != "cpu" or exports:
            return super().forward(input)
        rate = self.dilation[0], self.dilation[1]
        result: Tensor = _OnCpu.apply(*_cast_if_autocast(input, self.weight), rate)
        return result


class _OnCpu(torch.autograd.Function):
    """Both directions, each by the way that is fast for the size and the rate."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, rate: Rate) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.rate = rate
        if not _has_wide_phases(x, rate):
            return _convolve_by_taps(_wide(x), _wide(weight), rate).to(x.dtype)
        fast = max(rate) <= _LARGEST_FAST_RATE
        return _convolve(x, weight, rate) if fast else _convolve_phases(x, weight, rate)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        x, weight = ctx.saved_tensors
        return *depthwise_gradients(x, weight, gradient, ctx.rate), None


def _has_wide_phases(x: Tensor, rate: Rate) -> bool:
    return all(
        -(-side // step) >= _LEAST_PHASE for side, step in zip(x.shape[2:], rate, strict=True)
    )


def _convolve(x: Tensor, weight: Tensor, rate: Rate) -> Tensor:
    reach = weight.shape[2] // 2
    padding = (rate[0] * reach, rate[1] * reach)
    return F.conv2d(x, weight, padding=padding, dilation=rate, groups=len(weight))


def _convolve_phases(x: Tensor, weight: Tensor, rate: Rate) -> Tensor:
    return _from_phases(_convolve(_to_phases(x, rate), weight, (1, 1)), rate, x)


def _phase_gradients(
    x: Tensor, weight: Tensor, gradient: Tensor, rate: Rate
) -> tuple[Tensor, Tensor]:
    padding = [kernel // 2 for kernel in weight.shape[2:]]
    of_phases, of_weight, _ = torch.ops.aten.convolution_backward(
        _to_phases(gradient, rate),
        _to_phases(x, rate),
        weight,
        None,
        [1, 1],
        padding,
        [1, 1],
        False,
        [0, 0],
        len(weight),
        [True, True, False],
    )
    return _from_phases(of_phases, rate, x), of_weight


def _to_phases(x: Tensor, rate: Rate) -> Tensor:
    """(B, C, H, W) -> (B * down * across, C, ceil(H / down), ceil(W / across)), zeros behind."""
    batch, channels, height, width = x.shape
    down, across = rate
    padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, 0, -width % across, 0, -height % down))
    rows, columns = padded.shape[1] // down, padded.shape[2] // across
    phases = padded.reshape(batch, rows, down, columns, across, channels).permute(0, 2, 4, 1, 3, 5)
    return phases.reshape(-1, rows, columns, channels).permute(0, 3, 1, 2)


def _from_phases(phases: Tensor, rate: Rate, like: Tensor) -> Tensor:
    """The way back, to the size of ``like``."""
    batch, channels, height, width = like.shape
    rows, columns = phases.shape[2:]
    parts = phases.permute(0, 2, 3, 1).reshape(batch, *rate, rows, columns, channels)
    whole = parts.permute(0, 3, 1, 4, 2, 5).reshape(batch, rows * rate[0], -1, channels)
    return whole[:, :height, :width].permute(0, 3, 1, 2)


def _tap_gradients(
    x: Tensor, weight: Tensor, gradient: Tensor, rate: Rate
) -> tuple[Tensor, Tensor]:
    wide_x, wide_gradient = _wide(x), _wide(gradient)
    of_weight = torch.zeros_like(weight, dtype=wide_x.dtype)
    for (row, column), here, there in _taps(wide_x, weight, rate):
        of_weight[:, 0, row, column] = (wide_gradient[here] * wide_x[there]).sum((0, 2, 3))
    of_x = _convolve_by_taps(wide_gradient, _wide(weight).flip(2, 3), rate)
    return of_x.to(x.dtype), of_weight.to(weight.dtype)


def _convolve_by_taps(x: Tensor, weight: Tensor, rate: Rate) -> Tensor:
    result = torch.zeros_like(x)
    for (row, column), here, there in _taps(x, weight, rate):
        result[here].addcmul_(x[there], weight[:, 0, row, column, None, None])
    return result


def _taps(x: Tensor, weight: Tensor, rate: Rate) -> Iterator[tuple[tuple[int, int], Place, Place]]:
    """Taps that meet the map at all: its place in the kernel, and the pixels that it joins."""
    for row, rows, rows_there in _shifts(x.shape[2], weight.shape[2], rate[0]):
        for column, columns, columns_there in _shifts(x.shape[3], weight.shape[3], rate[1]):
            every = slice(None)
            yield (
                (row, column),
                (every, every, rows, columns),
                (every, every, rows_there, columns_there),
            )


def _shifts(length: int, kernel: int, rate: int) -> Iterator[tuple[int, slice, slice]]:
    """Along one side: each tap, the pixels of the result that have one under it, and those."""
    for tap in range(kernel):
        shift = (tap - kernel // 2) * rate
        if abs(shift) < length:
            yield (
                tap,
                slice(max(0, -shift), length - max(0, shift)),
                slice(max(0, shift), length - max(0, -shift)),
            )


def _wide(x: Tensor) -> Tensor:
    """Sums of nine products are taken in 32 bits at least."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


def _cast_if_autocast(*tensors: Tensor) -> tuple[Tensor, ...]:
    """As autocast does for convolutions, which a function of our own is not."""
    if not torch.is_autocast_enabled("cpu"):
        return tensors
    return tuple(tensor.to(torch.get_autocast_dtype("cpu")) for tensor in tensors)
