"""ResNet v1 as DeepLab has it (released code, ``resnet_v1_beta``), and v1.5 as torchvision has it.

The *beta* form has three 3x3 convolutions at its root instead of one 7x7. In the released forms
the stride sits in the last unit of a block, in v1.5 in the first unit of the next, and there in the
3x3 convolution: the tensors are the same, and the weights of one do not fit the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from atrous.encoders.base import Encoder, FeatureSpec
from atrous.layers.atrous import (
    RateChange,
    check_output_stride,
    refuse_rate_change,
    stages_to_rates,
    strides_to_rates,
)
from atrous.layers.conv import ConvNormAct, Padding
from atrous.layers.norm import resnet_norm
from atrous.layers.pool import MaxPool


@dataclass(frozen=True)
class Architecture:
    """What tells one ResNet from another."""

    units: tuple[int, int, int, int]
    """Residual units in each of the four blocks."""
    stem: tuple[int, int, int] | None = None
    """Channels of the three 3x3 convolutions at the root; None for one 7x7 of 64."""
    bottleneck: bool = True
    """1x1, 3x3 and a four times wider 1x1 in a unit, or two 3x3."""
    v1_5: bool = False
    """The stride in the first unit of a block and there in the first 3x3, and low-level maps taken
    behind the sum, as torchvision has them."""


_DEEP_STEM, _LIGHT_STEM = (64, 64, 128), (16, 16, 32)

ARCHITECTURES: dict[str, Architecture] = {
    "resnet18_beta": Architecture((2, 2, 2, 2), _LIGHT_STEM, bottleneck=False),
    "resnet50_beta": Architecture((3, 4, 6, 3), _DEEP_STEM),
    "resnet101_beta": Architecture((3, 4, 23, 3), _DEEP_STEM),
    "resnet18": Architecture((2, 2, 2, 2), bottleneck=False),
    "resnet50": Architecture((3, 4, 6, 3)),
    "resnet101": Architecture((3, 4, 23, 3)),
    "resnet18_v1_5": Architecture((2, 2, 2, 2), bottleneck=False, v1_5=True),
    "resnet34_v1_5": Architecture((3, 4, 6, 3), bottleneck=False, v1_5=True),
    "resnet50_v1_5": Architecture((3, 4, 6, 3), v1_5=True),
    "resnet101_v1_5": Architecture((3, 4, 23, 3), v1_5=True),
}
"""By name; the number counts the convolutions."""

_BLOCK_CHANNELS = (64, 128, 256, 512)


def _conv(
    in_channels: int,
    out_channels: int,
    *,
    kernel_size: int = 1,
    stride: int = 1,
    atrous_rate: int = 1,
    rectified: bool = True,
) -> ConvNormAct:
    return ConvNormAct(
        in_channels,
        out_channels,
        kernel_size=kernel_size,
        stride=stride,
        atrous_rate=atrous_rate,
        norm=resnet_norm,
        activation=nn.ReLU() if rectified else None,
    )


class ResidualUnit(nn.Module):
    """Convolutions, a shortcut around them, and a ReLU behind the sum.

    Args:
        in_channels: Channels of the input.
        channels: Width inside; a bottleneck's result is four times wider.
        bottleneck: See `Architecture`.
        stride: Stride of one 3x3 convolution.
        atrous_rate: Rate of the 3x3 convolutions.
        stride_first: Whether the first of two 3x3 convolutions strides, not the last.
        second_rate: Rate of the second of two 3x3 convolutions; None for the same. Behind a
            stride that the first has lost, it is the doubled one.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        *,
        bottleneck: bool,
        stride: int,
        atrous_rate: int,
        stride_first: bool = False,
        second_rate: int | None = None,
    ) -> None:
        super().__init__()
        if bottleneck:
            self.out_channels = 4 * channels
            self.convs = nn.Sequential(
                _conv(in_channels, channels),
                _conv(channels, channels, kernel_size=3, stride=stride, atrous_rate=atrous_rate),
                _conv(channels, self.out_channels, rectified=False),
            )
        else:
            self.out_channels = channels
            first, last = (stride, 1) if stride_first else (1, stride)
            self.convs = nn.Sequential(
                _conv(in_channels, channels, kernel_size=3, stride=first, atrous_rate=atrous_rate),
                _conv(
                    channels,
                    channels,
                    kernel_size=3,
                    stride=last,
                    atrous_rate=second_rate or atrous_rate,
                    rectified=False,
                ),
            )
        self.shortcut = (
            # Every stride-th pixel, as the release takes them.
            nn.MaxPool2d(1, stride)
            if in_channels == self.out_channels
            else _conv(in_channels, self.out_channels, stride=stride, rectified=False)
        )
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, in_channels, h, w) -> the result, and what the convolutions add to the shortcut."""
        residual = self.convs(x)
        return self.relu(self.shortcut(x) + residual), residual


class ResNet(Encoder):
    """ResNet with atrous convolutions in place of its last strides.

    Low-level maps are what the convolutions of the last unit before each stride add to their
    shortcut: normed, neither summed nor rectified, as the released decoder uses them. In v1.5
    they are the results of these units.

    Args:
        architecture: Key into `ARCHITECTURES`.
        output_stride: Stride of the deepest map: 8, 16 or 32.
        in_channels: Channels of the images.
        padding: ``same`` reproduces TensorFlow's max pooling on even sides; the convolutions are
            padded alike on both sides either way.
        multi_grid: Factors on the atrous rates of the last block's three units (DeepLab V3,
            section 3.2.1); the released beta checkpoints want 1, 2, 4.
        rate_change: Where a doubled rate begins in v1.5; the other forms take only ``after_unit``.

    Raises:
        ConfigError: If ``output_stride`` is not one of the three, or ``rate_change`` has no place.
    """

    def __init__(
        self,
        architecture: str = "resnet50_beta",
        *,
        output_stride: int = 16,
        in_channels: int = 3,
        padding: Padding = "symmetric",
        multi_grid: Sequence[int] = (1, 1, 1),
        rate_change: RateChange = "after_unit",
    ) -> None:
        super().__init__()
        check_output_stride(output_stride)
        design = ARCHITECTURES[architecture]
        plan = _plan(design, output_stride // 4, rate_change)
        self.root = _build_root(design, in_channels)
        self.pool = MaxPool(stride=2, padding=padding)
        widths = [
            channels
            for channels, repeats in zip(_BLOCK_CHANNELS, design.units, strict=True)
            for _ in range(repeats)
        ]
        self.units = nn.ModuleList()
        self.taps: list[int] = []
        self.taps_sums = design.v1_5
        self.family = "ResNet v1.5" if design.v1_5 else "ResNet v1"
        specs: list[FeatureSpec] = []
        channels, stride = (design.stem or (64,))[-1], 4
        grid_from = len(widths) - design.units[-1]
        for index, (width, (kept, rate)) in enumerate(zip(widths, plan, strict=True)):
            if kept > 1:
                self.taps.append(index - 1)
                specs.append(FeatureSpec(channels, stride))
            factor = multi_grid[index - grid_from] if index >= grid_from else 1
            starts_block = index > 0 and width != widths[index - 1]
            second_rate = plan[index + 1][1] if design.v1_5 and starts_block else rate
            unit = ResidualUnit(
                channels,
                width,
                bottleneck=design.bottleneck,
                stride=kept,
                atrous_rate=rate * factor,
                stride_first=design.v1_5,
                second_rate=second_rate * factor,
            )
            self.units.append(unit)
            channels, stride = unit.out_channels, stride * kept
        self.feature_specs = (*specs, FeatureSpec(channels, stride))

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(B, in_channels, H, W) -> maps at the strides below the output stride, and at it."""
        x = self.pool(self.root(images))
        features = []
        for index, unit in enumerate(self.units):
            x, residual = unit(x)
            if index in self.taps:
                features.append(x if self.taps_sums else residual)
        return (*features, x)


def _plan(design: Architecture, limit: int, rate_change: RateChange) -> list[tuple[int, int]]:
    """Stride and atrous rate of each unit, behind the root's stride of 4."""
    if design.v1_5:
        stages = list(zip(design.units, (1, 2, 2, 2), strict=True))
        return stages_to_rates(stages, limit, rate_change=rate_change)
    refuse_rate_change(rate_change, "a ResNet of the released code")
    lasts = (2, 2, 2, 1)
    strides = [
        stride
        for units, last in zip(design.units, lasts, strict=True)
        for stride in (*[1] * (units - 1), last)
    ]
    return list(strides_to_rates(strides, limit))


def _build_root(design: Architecture, in_channels: int) -> nn.Sequential:
    """Everything before the pooling, at stride 2."""
    if design.stem is None:
        return nn.Sequential(_conv(in_channels, 64, kernel_size=7, stride=2))
    first, second, third = design.stem
    return nn.Sequential(
        _conv(in_channels, first, kernel_size=3, stride=2),
        _conv(first, second, kernel_size=3),
        _conv(second, third, kernel_size=3),
    )
