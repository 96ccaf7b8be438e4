"""The decoder of DeepLab V3+ (section 3.1, figure 2)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from atrous.encoders import FeatureSpec
from atrous.errors import ConfigError
from atrous.layers.aspp import ASPP
from atrous.layers.conv import ConvNormAct, SeparableConv
from atrous.layers.resize import resize


class DeepLabV3PlusDecoder(nn.Module):
    """Add the edges of a fine feature map to the context that ASPP gathers.

    Args:
        feature_specs: What the encoder returns, from fine to coarse.
        atrous_rates: Rates of the ASPP branches; may be empty.
        channels: Width of ASPP and of the result.
        reduced_channels: Width the fine map is cut to, so that it cannot outweigh the context
            (the paper compares widths in table 1 and keeps 48).
        separable: Whether the 3x3 convolutions are depthwise separable.
        image_pooling: Whether ASPP has a branch with the mean of the whole map; the paper's best
            on Cityscapes has none (table 7).
        align_corners: How maps are resized, see `atrous.layers.resize.resize`.

    Raises:
        ConfigError: If the encoder returns no map at stride 4.
    """

    def __init__(
        self,
        feature_specs: Sequence[FeatureSpec],
        *,
        atrous_rates: Sequence[int],
        channels: int = 256,
        reduced_channels: int = 48,
        separable: bool = True,
        image_pooling: bool = True,
        align_corners: bool = False,
    ) -> None:
        super().__init__()
        self.out_channels = channels
        self.align_corners = align_corners
        strides = [spec.stride for spec in feature_specs]
        if 4 not in strides:
            raise ConfigError(f"the decoder needs a map at stride 4; the encoder has {strides}")
        self.low_level = strides.index(4)
        self.aspp = ASPP(
            feature_specs[-1].channels,
            channels,
            atrous_rates=atrous_rates,
            separable=separable,
            image_pooling=image_pooling,
        )
        self.reduce = ConvNormAct(
            feature_specs[self.low_level].channels, reduced_channels, activation=nn.ReLU()
        )
        widths = (channels + reduced_channels, channels)
        self.fuse = nn.Sequential(
            *(
                SeparableConv(width, channels)
                if separable
                else ConvNormAct(width, channels, kernel_size=3, activation=nn.ReLU())
                for width in widths
            )
        )

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Maps from fine to coarse -> (B, channels, h, w) at stride 4."""
        edges = self.reduce(features[self.low_level])
        height, width = edges.shape[-2:]
        context = resize(self.aspp(features[-1]), (height, width), align_corners=self.align_corners)
        return self.fuse(torch.cat([context, edges], dim=1))
