"""MobileNetV2 (Sandler et al., 2018, table 2), by default without its last 1x1 convolution.

Layer for layer as in the released TensorFlow code, down to how a width multiplier rounds; the
forms that were born in torch differ in a few places, see `Form`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from atrous.encoders.base import Encoder, FeatureSpec
from atrous.layers.atrous import (
    RateChange,
    check_output_stride,
    refuse_multi_grid,
    stages_to_rates,
)
from atrous.layers.conv import ConvNormAct, Padding
from atrous.layers.norm import NormBuilder, mobilenet_norm, torch_norm

_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Expansion, channels, repeats and stride of the first repeat (table 2)."""


@dataclass(frozen=True)
class Form:
    """Where implementations differ; the tensors are the same but for the last convolution."""

    norm: NormBuilder = mobilenet_norm
    """Builds every norm."""
    taps_inside: bool = True
    """Whether low-level maps are depthwise outputs, or the narrow results of whole blocks."""
    pads_input: bool = False
    """Whether the border of zeros is put around a block's input, so that the first 1x1
    convolution's norm and activation fill it before the depthwise convolution sees it."""
    pads_root: bool = True
    """Whether the first convolution is padded; if not, the maps lack the picture's last border."""
    last_channels: int | None = None
    """Width of the 1x1 convolution behind the last block; None for none."""


FORMS: dict[str, Form] = {
    "tensorflow": Form(),
    "torch": Form(torch_norm, taps_inside=False),
    "torch_1280": Form(torch_norm, taps_inside=False, last_channels=1280),
    "torch_bordered": Form(torch_norm, taps_inside=False, pads_input=True),
    "torch_cropped": Form(torch_norm, taps_inside=False, pads_input=True, pads_root=False),
}
"""By where they come from: the released code; torchvision, without and with the convolution that
its classifier stands on; others' DeepLabs with a MobileNetV2 that pads early (jfzhang95), and does
not pad the picture (VainF)."""


def round_channels(channels: float, *, divisor: int, least: int) -> int:
    """Round to a multiple of ``divisor``, never below ``least`` or nine tenths of ``channels``.

    Examples:
        >>> round_channels(24 * 0.35, divisor=8, least=8)
        8
        >>> round_channels(96 * 0.75, divisor=8, least=8)
        72
    """
    rounded = max(least, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


class InvertedResidual(nn.Module):
    """Widen with a 1x1, filter depthwise with a 3x3, and narrow with a linear 1x1.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the result.
        expansion: How many times wider the inside is; 1 leaves the first 1x1 out.
        stride: Stride of the depthwise convolution.
        atrous_rate: Rate of the depthwise convolution.
        padding: See `atrous.layers.conv.Padding`.
        form: See `Form`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        expansion: int,
        stride: int,
        atrous_rate: int,
        padding: Padding,
        form: Form = FORMS["tensorflow"],
    ) -> None:
        super().__init__()
        self.border = atrous_rate if form.pads_input else 0
        inner = round_channels(in_channels * expansion, divisor=8, least=8)
        self.inner_channels = inner if expansion > 1 else in_channels
        self.expand = (
            ConvNormAct(in_channels, inner, norm=form.norm, activation=nn.ReLU6())
            if expansion > 1
            else nn.Identity()
        )
        self.depthwise = ConvNormAct(
            self.inner_channels,
            self.inner_channels,
            kernel_size=3,
            stride=stride,
            atrous_rate=atrous_rate,
            groups=self.inner_channels,
            norm=form.norm,
            activation=nn.ReLU6(),
            padding="valid" if form.pads_input else padding,
        )
        self.project = ConvNormAct(self.inner_channels, out_channels, norm=form.norm)
        self.adds_input = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, in_channels, h, w) -> the result, and the output of the depthwise convolution."""
        bordered = F.pad(x, [self.border] * 4) if self.border else x
        inside = self.depthwise(self.expand(bordered))
        narrow = self.project(inside)
        return (x + narrow if self.adds_input else narrow), inside


class MobileNetV2(Encoder):
    """MobileNetV2 up to its last inverted residual.

    Low-level maps are the depthwise outputs of the last block before each stride, as the
    released decoder uses them, or the results of these blocks in the forms of torch.

    Args:
        output_stride: Stride of the deepest map: 8, 16 or 32.
        in_channels: Channels of the images.
        width: Multiplier of all channels.
        padding: ``same`` reproduces TensorFlow on even sides, see `atrous.layers.conv.Padding`.
        multi_grid: Not for this network; only the factors 1, 1, 1 are taken.
        rate_change: Where a doubled rate begins.
        form: Key into `FORMS`.

    Raises:
        ConfigError: If ``output_stride`` is not one of the three, or ``multi_grid`` is set.
    """

    def __init__(
        self,
        *,
        output_stride: int = 16,
        in_channels: int = 3,
        width: float = 1.0,
        padding: Padding = "symmetric",
        multi_grid: Sequence[int] = (1, 1, 1),
        rate_change: RateChange = "after_unit",
        form: str = "tensorflow",
    ) -> None:
        super().__init__()
        check_output_stride(output_stride)
        refuse_multi_grid(multi_grid, "MobileNetV2")
        design = FORMS[form]
        self.family = f"MobileNetV2 of {form.partition('_')[0]}"
        self.unpadded = 0 if design.pads_root else 2
        divisor = 8 if width == 1.0 else 1
        rows = [
            (expansion, round_channels(channels * width, divisor=divisor, least=divisor))
            for expansion, channels, repeats, _ in _STAGES
            for _ in range(repeats)
        ]
        stages = [(1, 2), *((repeats, first) for _, _, repeats, first in _STAGES)]
        (stride, _), *plan = stages_to_rates(stages, output_stride, rate_change=rate_change)
        channels = round_channels(32 * width, divisor=divisor, least=divisor)
        self.root = ConvNormAct(
            in_channels,
            channels,
            kernel_size=3,
            stride=2,
            norm=design.norm,
            activation=nn.ReLU6(),
            padding=padding if design.pads_root else "valid",
        )
        self.blocks = nn.ModuleList()
        self.taps: list[int] = []
        self.taps_inside = design.taps_inside
        inside = channels
        specs: list[FeatureSpec] = []
        for index, ((expansion, out), (kept, rate)) in enumerate(zip(rows, plan, strict=True)):
            if kept > 1 and stride >= 4:
                self.taps.append(index - 1)
                specs.append(FeatureSpec(inside if design.taps_inside else channels, stride))
            block = InvertedResidual(
                channels,
                out,
                expansion=expansion,
                stride=kept,
                atrous_rate=rate,
                padding=padding,
                form=design,
            )
            self.blocks.append(block)
            channels, stride, inside = out, stride * kept, block.inner_channels
        self.last = (
            nn.Identity()
            if design.last_channels is None
            else ConvNormAct(
                channels, design.last_channels, norm=design.norm, activation=nn.ReLU6()
            )
        )
        self.feature_specs = (*specs, FeatureSpec(design.last_channels or channels, stride))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(B, in_channels, H, W) -> maps at the strides below the output stride, and at it."""
        x = self.root(images)
        features = []
        for index, block in enumerate(self.blocks):
            x, inside = block(x)
            if index in self.taps:
                features.append(inside if self.taps_inside else x)
        return (*features, self.last(x))
