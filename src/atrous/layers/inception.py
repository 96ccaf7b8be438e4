"""From Inception to Xception: one idea in four pictures (Chollet, 2017, figures 1 to 4).

A 3x3 convolution learns across space and across channels at once. Inception takes the two apart:
1x1 convolutions mix the channels, then 3x3 convolutions look at space within groups of them. How
many groups there are is the dial that `SegmentedConv` has: one is an ordinary convolution, as many
as there are channels is the extreme form that Xception is built of.
"""

from collections.abc import Callable
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from atrous.errors import ConfigError

Activation: TypeAlias = Literal["none", "relu", "elu"]
"""What stands between the two convolutions (figure 10 compares the three)."""
Order: TypeAlias = Literal["pointwise_first", "spatial_first"]
"""Inception mixes channels first; separable convolutions look at space first."""

_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "none": nn.Identity,
    "relu": nn.ReLU,
    "elu": nn.ELU,
}


class InceptionV3Module(nn.Module):
    """The module of Inception V3 (figure 1): four ways to look at one map, side by side.

    A 1x1 convolution; a 1x1 and a 3x3; a 1x1 and two 3x3; a mean over 3x3 pixels and a 1x1.
    As in the figure there are no norms; every convolution has a ReLU behind it.

    Args:
        in_channels: Channels of the input.
        width: Channels that each of the four branches gives.
    """

    def __init__(self, in_channels: int, width: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [
                nn.Sequential(_conv(in_channels, width, 1)),
                nn.Sequential(_conv(in_channels, width, 1), _conv(width, width, 3)),
                nn.Sequential(
                    _conv(in_channels, width, 1), _conv(width, width, 3), _conv(width, width, 3)
                ),
                nn.Sequential(
                    nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False),
                    _conv(in_channels, width, 1),
                ),
            ]
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, 4 * width, H, W)."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Towers(nn.Module):
    """Inception simplified (figure 2): equal towers of a 1x1 and a 3x3 convolution, side by side.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of all towers together.
        towers: How many there are; three in the figure.
        activation: What stands between the convolutions of each tower.

    Raises:
        ConfigError: If ``towers`` does not divide ``out_channels``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        towers: int = 3,
        activation: Activation = "none",
    ) -> None:
        super().__init__()
        _check_divides(towers, "towers", out_channels, "out_channels")
        width = out_channels // towers
        self.activation: Activation = activation
        self.towers = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(in_channels, width, 1, bias=False),
                _ACTIVATIONS[activation](),
                nn.Conv2d(width, width, 3, padding=1, bias=False),
            )
            for _ in range(towers)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, out_channels, H, W)."""
        return torch.cat([tower(x) for tower in self.towers], dim=1)

    def as_segments(self) -> "SegmentedConv":
        """The same function as one 1x1 convolution and a 3x3 for each segment (figure 3).

        The towers' 1x1 kernels are stacked, and each 3x3 becomes one group of a grouped
        convolution; no value changes.
        """
        firsts = [tower[0].weight for tower in self.towers]  # type: ignore[index]
        lasts = [tower[2].weight for tower in self.towers]  # type: ignore[index]
        pointwise, spatial = torch.cat(firsts), torch.cat(lasts)
        segmented = SegmentedConv(
            pointwise.shape[1],
            spatial.shape[0],
            segments=len(self.towers),
            activation=self.activation,
        )
        with torch.no_grad():
            segmented.pointwise.weight.copy_(pointwise)
            segmented.spatial.weight.copy_(spatial)
        return segmented


class SegmentedConv(nn.Module):
    """Channels mixed by a 1x1 convolution, space seen by one 3x3 for each segment of them.

    The whole family (figures 2 to 4): one segment is a 1x1 and an ordinary 3x3 convolution, three
    or four are an Inception module, as many as channels are the extreme form. With the order
    ``spatial_first`` and the most segments it is the depthwise separable convolution.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the result.
        segments: Groups of channels that the 3x3 convolution keeps apart; must divide the
            channels on both of its sides.
        order: Which convolution comes first.
        activation: What stands between the two.
        residual: Whether the input is added to the result, as in Xception's middle flow.
        atrous_rate: Spacing of the 3x3's taps in pixels.

    Raises:
        ConfigError: If ``segments`` does not divide the channels, or ``residual`` asks for a sum
            of different numbers of channels.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        segments: int,
        order: Order = "pointwise_first",
        activation: Activation = "none",
        residual: bool = False,
        atrous_rate: int = 1,
    ) -> None:
        super().__init__()
        self.order = order
        self.residual = residual
        middle = out_channels if order == "pointwise_first" else in_channels
        _check_divides(segments, "segments", middle, "the channels that the 3x3 sees")
        if residual and in_channels != out_channels:
            raise ConfigError(
                f"a residual sum needs as many channels out as in, not {in_channels} -> "
                f"{out_channels}"
            )
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.spatial = nn.Conv2d(
            middle,
            middle,
            3,
            padding=atrous_rate,
            dilation=atrous_rate,
            groups=segments,
            bias=False,
        )
        self.activation = _ACTIVATIONS[activation]()

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, H, W) -> (B, out_channels, H, W)."""
        first, second = self.pointwise, self.spatial
        if self.order == "spatial_first":
            first, second = second, first
        y = second(self.activation(first(x)))
        return x + y if self.residual else y


def extreme_inception(
    in_channels: int, out_channels: int, *, activation: Activation = "none"
) -> SegmentedConv:
    """The extreme form (figure 4): a 3x3 of its own for every channel that the 1x1 gives."""
    return SegmentedConv(in_channels, out_channels, segments=out_channels, activation=activation)


def _conv(in_channels: int, out_channels: int, kernel_size: int) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False),
        nn.ReLU(),
    )


def _check_divides(part: int, name: str, whole: int, of: str) -> None:
    if part < 1 or whole % part:
        raise ConfigError(f"{name} = {part} must divide {of}, which are {whole}")
