"""The modified aligned Xception 41, 65 and 71 of DeepLab V3+ (section 3.2 and figure 4).

Layer for layer as in the released TensorFlow code, which has no ReLU between the two halves of a
separable convolution, although the paper says so; only the last block has one. Implementations
for torch differ in a few places, see `Form`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from torch import Tensor, nn

from atrous.encoders.base import Encoder, FeatureSpec
from atrous.layers.atrous import (
    RateChange,
    check_output_stride,
    stages_to_rates,
)
from atrous.layers.conv import ConvNormAct, Padding, SeparableConv
from atrous.layers.norm import NormBuilder, torch_norm, xception_norm


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


@dataclass(frozen=True)
class Form:
    """Where implementations differ; the tensors are the same."""

    norm: NormBuilder = xception_norm
    """Builds every norm."""
    rectified_shortcuts: tuple[str, ...] = ()
    """Kinds of shortcuts, see `Unit`, that read what the unit's first ReLU made of its input, as a
    ReLU that works in place lets them."""
    taps: Literal["normed", "rectified", "inputs"] = "normed"
    """What low-level maps are in the units that stride: what their second convolution gives, the
    same behind a ReLU, or their rectified inputs."""
    relu_first_at_exit: bool = False
    """Whether the last unit has its ReLUs in front of its convolutions, like the others, and one at
    its end."""


FORMS: dict[str, Form] = {
    "tensorflow": Form(),
    "rectified": Form(torch_norm, ("conv", "sum"), taps="inputs", relu_first_at_exit=True),
    "rectified_sums": Form(torch_norm, ("sum",)),
    "rectified_taps": Form(taps="rectified"),
}
"""The released code's; two whose ReLUs work in place (jfzhang95, bubbliiiing); and timm's."""


class XceptionUnit(nn.Module):
    """Three atrous separable convolutions and a shortcut around them.

    Args:
        in_channels: Channels of the input.
        unit: Channels, stride and shortcut.
        atrous_rates: Rate of each of the three depthwise convolutions.
        relu_after_depthwise: Whether a ReLU stands behind every depthwise half, as in the paper.
        form: See `Form`.
    """

    def __init__(
        self,
        in_channels: int,
        unit: Unit,
        *,
        atrous_rates: Sequence[int],
        relu_after_depthwise: bool = False,
        form: Form = FORMS["tensorflow"],
    ) -> None:
        super().__init__()
        self.relu_first = not unit.relu_inside
        self.rectifies_shortcut = unit.skip in form.rectified_shortcuts
        self.taps = form.taps
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
                    norm=form.norm,
                    depthwise_norm=form.norm,
                    relu_between=unit.relu_inside or relu_after_depthwise,
                    relu_after=unit.relu_inside,
                )
            )
            channels = out_channels
        self.relu = nn.ReLU()
        self.skip = unit.skip
        self.shortcut = (
            ConvNormAct(in_channels, channels, stride=unit.stride, norm=form.norm)
            if unit.skip == "conv"
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, in_channels, h, w) -> the result, and the map that a decoder reads, not strided."""
        residual, tap = x, x
        for conv in self.convs:
            tap = residual
            residual = conv(self.relu(residual) if self.relu_first else residual)
        if self.taps != "normed":
            tap = self.relu(x if self.taps == "inputs" else tap)
        if self.skip == "none":
            return self.relu(residual) if self.relu_first else residual, tap
        return residual + self.shortcut(self.relu(x) if self.rectifies_shortcut else x), tap


class AlignedXception(Encoder):
    """The modified aligned Xception.

    Low-level maps are the normed, not yet rectified outputs of the second separable convolution
    in the units that stride, as the released decoder uses them; others in other forms.

    Args:
        architecture: ``xception41``, ``xception65`` or ``xception71``.
        output_stride: Stride of the deepest map: 8, 16 or 32.
        in_channels: Channels of the images.
        padding: Both kinds build the same network: the released code pads this one alike on
            both sides, unlike its MobileNetV2.
        multi_grid: Factors on the atrous rates of the last unit's three convolutions; the paper
            found no gain and uses none.
        rate_change: Where a doubled rate begins; entry units, middle and exit flow are stages.
        relu_after_depthwise: A ReLU behind every depthwise convolution, as the paper says
            (section 3.2); the released code and all its weights have none.
        form: Key into `FORMS`.

    Raises:
        ConfigError: If ``output_stride`` is not one of the three.
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
        form: str = "tensorflow",
    ) -> None:
        super().__init__()
        check_output_stride(output_stride)
        design = FORMS[form]
        units = ARCHITECTURES[architecture]
        if design.relu_first_at_exit:
            units = (*units[:-1], replace(units[-1], relu_inside=False))
        self.root = nn.Sequential(
            ConvNormAct(
                in_channels, 32, kernel_size=3, stride=2, norm=design.norm, activation=nn.ReLU()
            ),
            ConvNormAct(32, 64, kernel_size=3, norm=design.norm, activation=nn.ReLU()),
        )
        self.units = nn.ModuleList()
        self.taps: list[int] = []
        specs: list[FeatureSpec] = []
        channels, stride = 64, 2
        plan = stages_to_rates(_stages(units), output_stride // 2, rate_change=rate_change)
        for index, (unit, (unit_stride, rate)) in enumerate(zip(units, plan, strict=True)):
            if unit_stride > 1 and stride >= 4:
                self.taps.append(index)
                tapped = channels if design.taps == "inputs" else unit.channels[1]
                specs.append(FeatureSpec(tapped, stride))
            grid = multi_grid if unit is units[-1] else (1, 1, 1)
            self.units.append(
                XceptionUnit(
                    channels,
                    replace(unit, stride=unit_stride),
                    atrous_rates=[rate * factor for factor in grid],
                    relu_after_depthwise=relu_after_depthwise,
                    form=design,
                )
            )
            channels, stride = unit.channels[-1], stride * unit_stride
        self.feature_specs = (*specs, FeatureSpec(channels, stride))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(B, in_channels, H, W) -> maps at the strides below the output stride, and at it."""
        x = self.root(images)
        features = []
        for index, unit in enumerate(self.units):
            x, tap = unit(x)
            if index in self.taps:
                features.append(tap)
        return (*features, x)


def _stages(units: Sequence[Unit]) -> list[tuple[int, int]]:
    """Units and stride of each stage: every entry unit, the middle flow, the exit flow."""
    middle = sum(unit.skip == "sum" for unit in units)
    entry = [(1, unit.stride) for unit in units if unit.skip == "conv"][:-1]
    return [*entry, (middle, 1), (2, 2)]
