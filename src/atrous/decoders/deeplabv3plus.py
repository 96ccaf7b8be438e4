"""The decoder of DeepLab V3+ (section 3.1, figure 2), with what tables 1 and 2 vary."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from atrous.decoders.base import Context, find_stride, gather
from atrous.encoders import FeatureSpec
from atrous.errors import ConfigError
from atrous.layers.conv import ConvNormAct, head_conv
from atrous.layers.resize import resize
from atrous.runtime.bilinear import AlignCorners


class Refinement(nn.Module):
    """Join a fine map to a coarse one, at the fine one's resolution.

    Args:
        in_channels: Channels of the coarse map.
        low_level_channels: Channels of the fine map.
        channels: Width of the convolutions and of the result.
        reduced_channels: Width the fine map is cut to, so that it cannot outweigh the context
            (the paper compares widths in table 1 and keeps 48).
        convs: How many convolutions follow (table 2 compares one, two and three and keeps two).
        kernel_size: Of these: 3, or 1 for comparison (table 2).
        separable: Whether 3x3 ones are depthwise separable.
        bare: See `atrous.layers.conv.head_conv`.
        align_corners: How maps are resized, see `atrous.layers.resize.resize`.
    """

    def __init__(  # noqa: PLR0913
        self,
        in_channels: int,
        low_level_channels: int,
        *,
        channels: int = 256,
        reduced_channels: int = 48,
        convs: int = 2,
        kernel_size: int = 3,
        separable: bool = True,
        bare: bool = False,
        align_corners: AlignCorners = False,
    ) -> None:
        super().__init__()
        self.align_corners = align_corners
        self.reduce = ConvNormAct(low_level_channels, reduced_channels, activation=nn.ReLU())
        widths = (in_channels + reduced_channels, *[channels] * (convs - 1))
        self.fuse = nn.Sequential(
            *(
                head_conv(width, channels, separable=separable, bare=bare, kernel_size=kernel_size)
                for width in widths
            )
        )

    def forward(self, deep: Tensor, low_level: Tensor) -> Tensor:
        """A coarse and a fine map (B, C, h, w) -> (B, channels, h, w) of the fine one."""
        edges = self.reduce(low_level)
        height, width = edges.shape[-2:]
        deep = resize(deep, (height, width), align_corners=self.align_corners)
        return self.fuse(torch.cat([deep, edges], dim=1))


class DeepLabV3PlusDecoder(nn.Module):
    """Add the edges of fine feature maps to the context of the deepest one.

    Args:
        feature_specs: What the encoder returns, from fine to coarse.
        context: What reads the deepest map.
        strides: The fine maps to join, from coarse to fine: 4 alone in the paper; 8 and then 4 is
            its *Conv2 and Conv3* of table 2.
        channels: Width of the result, see `Refinement`.
        reduced_channels: See `Refinement`.
        convs: See `Refinement`.
        kernel_size: See `Refinement`.
        separable: See `Refinement`.
        bare: See `Refinement`.
        align_corners: See `Refinement`.

    Raises:
        ConfigError: If the encoder returns no map at one of the strides, or these do not fall.
    """

    def __init__(  # noqa: PLR0913
        self,
        feature_specs: Sequence[FeatureSpec],
        context: Context,
        *,
        strides: Sequence[int] = (4,),
        channels: int = 256,
        reduced_channels: int = 48,
        convs: int = 2,
        kernel_size: int = 3,
        separable: bool = True,
        bare: bool = False,
        align_corners: AlignCorners = False,
    ) -> None:
        super().__init__()
        if not strides or any(before <= after for before, after in pairwise(strides)):
            raise ConfigError(f"decoder strides go from coarse to fine, not {tuple(strides)}")
        self.out_channels = channels
        self.context = context
        self.low_levels = [find_stride(feature_specs, stride) for stride in strides]
        widths = [context.out_channels, *[channels] * (len(strides) - 1)]
        self.stages = nn.ModuleList(
            Refinement(
                width,
                feature_specs[index].channels,
                channels=channels,
                reduced_channels=reduced_channels,
                convs=convs,
                kernel_size=kernel_size,
                separable=separable,
                bare=bare,
                align_corners=align_corners,
            )
            for width, index in zip(widths, self.low_levels, strict=True)
        )

    def forward(self, features: Sequence[Tensor], means: Tensor | None = None) -> Tensor:
        """Maps from fine to coarse -> (B, channels, h, w) at the last of the strides.

        Args:
            features: The maps.
            means: See `atrous.layers.aspp.ASPP.forward`.
        """
        x = gather(self.context, features[-1], means)
        for stage, index in zip(self.stages, self.low_levels, strict=True):
            x = stage(x, features[index])
        return x
