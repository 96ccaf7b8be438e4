"""The modified aligned Xception 41, 65 and 71 of DeepLab V3+ (section 3.2 and figure 4).

Layer for layer as in the released TensorFlow code, which has no ReLU between the two halves of a
separable convolution, although the paper says so; only the last block has one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor, nn

from atrous.encoders.base import Encoder, FeatureSpec
from atrous.layers.atrous import (
    RateChange,
    check_output_stride,
    refuse_rate_change,
    strides_to_rates,
)
from atrous.layers.conv import ConvNormAct, Padding, SeparableConv
from atrous.layers.norm import xception_norm


@dataclass(frozen=True)
class Unit:
    """One residual unit: three separable convolutions, the stride on the third."""

    channels: tuple[int, int, int]
    stride: int = 1
    skip: str = "conv"
    """``conv``: 1x1 convolution and norm; ``sum``: the input itself; ``none``."""
    relu_inside: bool = False
    """ReLU behind every half, instead of one in front of every separable convolution."""


def _entry(channels: int, stride: int = 2) -> Unit:
    return Unit((channels, channels, channels), stride)


_MIDDLE = Unit((728, 728, 728), skip="sum")
_EXIT = (
    Unit((728, 1024, 1024), stride=2),
    Unit((1536, 1536, 2048), skip="none", relu_inside=True),
)

ARCHITECTURES: dict[str, tuple[Unit, ...]] = {
    "xception41": (_entry(128), _entry(256), _entry(728), *[_MIDDLE] * 8, *_EXIT),
    "xception65": (_entry(128), _entry(256), _entry(728), *[_MIDDLE] * 16, *_EXIT),
    "xception71": (
        _entry(128),
        _entry(256, stride=1),
        _entry(256),
        _entry(728, stride=1),
        _entry(728),
        *[_MIDDLE] * 16,
        *_EXIT,
    ),
}
"""Units by name of the architecture; the number counts the convolutions."""


class XceptionUnit(nn.Module):
    """Three atrous separable convolutions and a shortcut around them.

    Args:
        in_channels: Channels of the input.
        unit: Channels, stride and shortcut.
        atrous_rates: Rate of each of the three depthwise convolutions.
        relu_after_depthwise: Whether a ReLU stands behind every depthwise half, as in the paper.
    """

    def __init__(
        self,
        in_channels: int,
        unit: Unit,
        *,
        atrous_rates: Sequence[int],
        relu_after_depthwise: bool = False,
    ) -> None:
        super().__init__()
        self.relu_first = not unit.relu_inside
        self.convs = nn.ModuleList()
        channels = in_channels
        pairs = zip(unit.channels, atrous_rates, strict=True)
        for index, (out_channels, atrous_rate) in enumerate(pairs):
            self.convs.append(
                SeparableConv(
                    channels,
                    out_channels,
                    stride=unit.stride if index == 2 else 1,
                    atrous_rate=atrous_rate,
                    norm=xception_norm,
                    depthwise_norm=xception_norm,
                    relu_between=unit.relu_inside or relu_after_depthwise,
                    relu_after=unit.relu_inside,
                )
            )
            channels = out_channels
        self.relu = nn.ReLU()
        self.skip = unit.skip
        self.shortcut = (
            ConvNormAct(in_channels, channels, stride=unit.stride, norm=xception_norm)
            if unit.skip == "conv"
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, in_channels, h, w) -> the result, and the map in front of the striding third."""
        residual, before_stride = x, x
        for conv in self.convs:
            before_stride = residual
            residual = conv(self.relu(residual) if self.relu_first else residual)
        if self.skip == "none":
            return residual, before_stride
        return residual + self.shortcut(x), before_stride


class AlignedXception(Encoder):
    """The modified aligned Xception.

    Low-level maps are the normed, not yet rectified outputs of the second separable convolution
    in the units that stride, as the released decoder uses them.

    Args:
        architecture: ``xception41``, ``xception65`` or ``xception71``.
        output_stride: Stride of the deepest map: 8, 16 or 32.
        in_channels: Channels of the images.
        padding: Both kinds build the same network: the released code pads this one alike on
            both sides, unlike its MobileNetV2.
        multi_grid: Factors on the atrous rates of the last unit's three convolutions; the paper
            found no gain and uses none.
        rate_change: Not for this network; only ``after_unit`` is taken.
        relu_after_depthwise: A ReLU behind every depthwise convolution, as the paper says
            (section 3.2); the released code and all its weights have none.

    Raises:
        ConfigError: If ``output_stride`` is not one of the three, or ``rate_change`` is set.
    """

    def __init__(
        self,
        architecture: str = "xception65",
        *,
        output_stride: int = 16,
        in_channels: int = 3,
        padding: Padding = "symmetric",  # noqa: ARG002
        multi_grid: Sequence[int] = (1, 1, 1),
        rate_change: RateChange = "after_unit",
        relu_after_depthwise: bool = False,
    ) -> None:
        super().__init__()
        check_output_stride(output_stride)
        refuse_rate_change(rate_change, "an aligned Xception")
        units = ARCHITECTURES[architecture]
        self.root = nn.Sequential(
            ConvNormAct(
                in_channels, 32, kernel_size=3, stride=2, norm=xception_norm, activation=nn.ReLU()
            ),
            ConvNormAct(32, 64, kernel_size=3, norm=xception_norm, activation=nn.ReLU()),
        )
        self.units = nn.ModuleList()
        self.taps: list[int] = []
        specs: list[FeatureSpec] = []
        channels, stride = 64, 2
        plan = strides_to_rates([unit.stride for unit in units], output_stride // 2)
        for index, (unit, (unit_stride, rate)) in enumerate(zip(units, plan, strict=True)):
            if unit_stride > 1 and stride >= 4:
                self.taps.append(index)
                specs.append(FeatureSpec(unit.channels[1], stride))
            grid = multi_grid if unit is units[-1] else (1, 1, 1)
            self.units.append(
                XceptionUnit(
                    channels,
                    replace(unit, stride=unit_stride),
                    atrous_rates=[rate * factor for factor in grid],
                    relu_after_depthwise=relu_after_depthwise,
                )
            )
            channels, stride = unit.channels[-1], stride * unit_stride
        self.feature_specs = (*specs, FeatureSpec(channels, stride))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(B, in_channels, H, W) -> maps at the strides below the output stride, and at it."""
        x = self.root(images)
        features = []
        for index, unit in enumerate(self.units):
            x, before_stride = unit(x)
            if index in self.taps:
                features.append(before_stride)
        return (*features, x)
