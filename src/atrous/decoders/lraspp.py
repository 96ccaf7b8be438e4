"""Lite reduced ASPP, the head of MobileNetV3 (Howard et al., 2019, section 6.4, figure 10)."""

from collections.abc import Sequence

from torch import Tensor, nn

from atrous.decoders.base import find_stride
from atrous.encoders import FeatureSpec
from atrous.layers.conv import ConvNormAct
from atrous.layers.pool import MeanPool
from atrous.layers.resize import resize
from atrous.layers.squeeze import HardSigmoid
from atrous.runtime.bilinear import AlignCorners


class LRASPPDecoder(nn.Module):
    """Weigh the deepest map by what large windows of it show, and add the logits of a fine map.

    Unlike the other decoders it gives logits itself: those of the deep and of the fine map, each
    by a 1x1 convolution, are summed.

    Args:
        feature_specs: What the encoder returns, from fine to coarse.
        num_classes: Channels of the logits.
        channels: Width of the deep branch.
        stride: Stride of the fine map and of the logits.
        image_pool: Takes the means that the deepest map is weighed by.
        align_corners: How maps are resized, see `atrous.layers.resize.resize`.

    Raises:
        ConfigError: If the encoder returns no map at ``stride``.
    """

    def __init__(
        self,
        feature_specs: Sequence[FeatureSpec],
        *,
        num_classes: int,
        channels: int = 128,
        stride: int = 8,
        image_pool: MeanPool,
        align_corners: AlignCorners = False,
    ) -> None:
        super().__init__()
        self.out_channels = num_classes
        self.align_corners = align_corners
        self.low_level = find_stride(feature_specs, stride)
        deep = feature_specs[-1].channels
        self.project = ConvNormAct(deep, channels, activation=nn.ReLU())
        self.mean = image_pool
        self.weigh = nn.Conv2d(deep, channels, kernel_size=1)
        self.gate = HardSigmoid()
        self.deep_classifier = nn.Conv2d(channels, num_classes, kernel_size=1)
        self.low_level_classifier = nn.Conv2d(
            feature_specs[self.low_level].channels, num_classes, kernel_size=1
        )

    def forward(self, features: Sequence[Tensor], means: Tensor | None = None) -> Tensor:
        """Maps from fine to coarse -> logits (B, num_classes, h, w) at the fine one's stride.

        Args:
            features: The maps.
            means: Taken instead of those of the deepest map, where it is a part of a larger one:
                (1 or B, channels of the deepest map, 1, 1).
        """
        low_level, deep = features[self.low_level], features[-1]
        weights = self.gate(self.weigh(self.mean(deep) if means is None else means))
        deep = self.project(deep) * self._resize(weights, deep)
        # A 1x1 convolution and bilinear resizing may change places; this order computes less.
        logits = self._resize(self.deep_classifier(deep), low_level)
        return logits + self.low_level_classifier(low_level)

    def _resize(self, x: Tensor, like: Tensor) -> Tensor:
        height, width = like.shape[-2:]
        return resize(x, (height, width), align_corners=self.align_corners)
