"""MobileNetV3 large and small as the release segments with them (Howard et al., 2019, tables 1, 2).

Layer for layer as in the released TensorFlow code: the last stage has half the channels of the
papers' tables, and the network ends with its last 1x1 convolution, before the pooling. torchvision
segments with the large one at the full channels of table 1.
"""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor, nn

from atrous.encoders.base import Encoder, FeatureSpec
from atrous.encoders.mobilenetv2 import round_channels
from atrous.layers.atrous import (
    RateChange,
    check_output_stride,
    refuse_multi_grid,
    refuse_rate_change,
    strides_to_rates,
)
from atrous.layers.conv import ConvNormAct, Padding
from atrous.layers.norm import mobilenet_norm
from atrous.layers.squeeze import SqueezeExcite


class Row(NamedTuple):
    """One bottleneck, as a row of the papers' tables."""

    kernel_size: int
    inner_channels: int
    out_channels: int
    squeezes: bool
    swish: bool
    """Hard swish inside; else ReLU."""
    stride: int = 1


ARCHITECTURES: dict[str, tuple[Row, ...]] = {
    "large": (
        Row(3, 16, 16, squeezes=False, swish=False),
        Row(3, 64, 24, squeezes=False, swish=False, stride=2),
        Row(3, 72, 24, squeezes=False, swish=False),
        Row(5, 72, 40, squeezes=True, swish=False, stride=2),
        Row(5, 120, 40, squeezes=True, swish=False),
        Row(5, 120, 40, squeezes=True, swish=False),
        Row(3, 240, 80, squeezes=False, swish=True, stride=2),
        Row(3, 200, 80, squeezes=False, swish=True),
        Row(3, 184, 80, squeezes=False, swish=True),
        Row(3, 184, 80, squeezes=False, swish=True),
        Row(3, 480, 112, squeezes=True, swish=True),
        Row(3, 672, 112, squeezes=True, swish=True),
        Row(5, 336, 80, squeezes=True, swish=True, stride=2),
        Row(5, 480, 80, squeezes=True, swish=True),
        Row(5, 480, 80, squeezes=True, swish=True),
    ),
    "small": (
        Row(3, 16, 16, squeezes=True, swish=False, stride=2),
        Row(3, 72, 24, squeezes=False, swish=False, stride=2),
        Row(3, 88, 24, squeezes=False, swish=False),
        Row(5, 96, 40, squeezes=True, swish=True, stride=2),
        Row(5, 240, 40, squeezes=True, swish=True),
        Row(5, 240, 40, squeezes=True, swish=True),
        Row(5, 120, 48, squeezes=True, swish=True),
        Row(5, 144, 48, squeezes=True, swish=True),
        Row(5, 144, 48, squeezes=True, swish=True, stride=2),
        Row(5, 288, 48, squeezes=True, swish=True),
        Row(5, 288, 48, squeezes=True, swish=True),
    ),
}
ARCHITECTURES["large_torch"] = (
    *ARCHITECTURES["large"][:-3],
    Row(5, 672, 160, squeezes=True, swish=True, stride=2),
    Row(5, 960, 160, squeezes=True, swish=True),
    Row(5, 960, 160, squeezes=True, swish=True),
)
"""Bottlenecks by the network's size. The last convolution is six times as wide as the last one."""

_ROOT_CHANNELS = 16


class Bottleneck(nn.Module):
    """Widen, filter depthwise, weigh the channels, and narrow with a linear 1x1.

    Args:
        in_channels: Channels of the input.
        row: What it is made of.
        stride: Stride of the depthwise convolution.
        atrous_rate: Rate of the depthwise convolution.
        padding: See `atrous.layers.conv.Padding`.
        exact_gate: See `atrous.layers.squeeze.SqueezeExcite`.
    """

    def __init__(
        self,
        in_channels: int,
        row: Row,
        *,
        stride: int,
        atrous_rate: int,
        padding: Padding,
        exact_gate: bool = False,
    ) -> None:
        super().__init__()
        inner = row.inner_channels
        self.expand = (
            ConvNormAct(in_channels, inner, norm=mobilenet_norm, activation=_activation(row))
            if inner > in_channels
            else nn.Identity()
        )
        self.depthwise = ConvNormAct(
            inner,
            inner,
            kernel_size=row.kernel_size,
            stride=stride,
            atrous_rate=atrous_rate,
            groups=inner,
            norm=mobilenet_norm,
            activation=_activation(row),
            padding=padding,
        )
        squeezed = round_channels(inner / 4, divisor=8, least=8)
        self.squeeze = (
            SqueezeExcite(inner, squeezed, exact=exact_gate) if row.squeezes else nn.Identity()
        )
        self.project = ConvNormAct(inner, row.out_channels, norm=mobilenet_norm)
        self.adds_input = stride == 1 and in_channels == row.out_channels

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, in_channels, h, w) -> the result, and the output of the depthwise convolution."""
        inside = self.depthwise(self.expand(x))
        narrow = self.project(self.squeeze(inside))
        return (x + narrow if self.adds_input else narrow), inside


class MobileNetV3(Encoder):
    """MobileNetV3 up to its last 1x1 convolution.

    Low-level maps are the depthwise outputs of the last block before each stride, before their
    channels are weighed, as the released decoder uses them.

    Args:
        architecture: ``large``, ``small``, or torchvision's ``large_torch``, whose gates are exact.
        output_stride: Stride of the deepest map: 8, 16 or 32, which the released weights use.
        in_channels: Channels of the images.
        padding: ``same`` reproduces TensorFlow on even sides, see `atrous.layers.conv.Padding`.
        multi_grid: Not for this network; only the factors 1, 1, 1 are taken.
        rate_change: Where a doubled rate begins: ``after_unit`` or ``at_unit``.

    Raises:
        ConfigError: If ``output_stride`` is not one of the three, ``multi_grid`` is set, or
            ``rate_change`` is another one.
    """

    def __init__(
        self,
        architecture: str = "large",
        *,
        output_stride: int = 32,
        in_channels: int = 3,
        padding: Padding = "symmetric",
        multi_grid: Sequence[int] = (1, 1, 1),
        rate_change: RateChange = "after_unit",
    ) -> None:
        super().__init__()
        check_output_stride(output_stride)
        refuse_multi_grid(multi_grid, "MobileNetV3")
        at_unit = rate_change == "at_unit"
        if not at_unit:
            refuse_rate_change(rate_change, "MobileNetV3")
        rows = ARCHITECTURES[architecture]
        strides = [2, *(row.stride for row in rows)]
        (stride, _), *plan = strides_to_rates(strides, output_stride, at_unit=at_unit)
        channels = inside = _ROOT_CHANNELS
        self.root = ConvNormAct(
            in_channels,
            channels,
            kernel_size=3,
            stride=2,
            norm=mobilenet_norm,
            activation=nn.Hardswish(),
            padding=padding,
        )
        self.blocks = nn.ModuleList()
        self.taps: list[int] = []
        specs: list[FeatureSpec] = []
        for index, (row, (kept, rate)) in enumerate(zip(rows, plan, strict=True)):
            if kept > 1 and stride >= 4:
                self.taps.append(index - 1)
                specs.append(FeatureSpec(inside, stride))
            self.blocks.append(
                Bottleneck(
                    channels,
                    row,
                    stride=kept,
                    atrous_rate=rate,
                    padding=padding,
                    exact_gate=architecture == "large_torch",
                )
            )
            channels, stride, inside = row.out_channels, stride * kept, row.inner_channels
        self.last = ConvNormAct(
            channels, 6 * channels, norm=mobilenet_norm, activation=nn.Hardswish()
        )
        self.feature_specs = (*specs, FeatureSpec(6 * channels, stride))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(B, in_channels, H, W) -> maps at the strides below the output stride, and at it."""
        x = self.root(images)
        features = []
        for index, block in enumerate(self.blocks):
            x, inside = block(x)
            if index in self.taps:
                features.append(inside)
        return (*features, self.last(x))


def _activation(row: Row) -> nn.Module:
    return nn.Hardswish() if row.swish else nn.ReLU()
