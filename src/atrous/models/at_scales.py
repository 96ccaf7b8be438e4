"""One network that sees each picture in several sizes."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from atrous.layers.resize import resize
from atrous.models.segmenter import Segmenter


class AtScales(nn.Module):
    """Logits of the same pictures in several sizes, as ``image_pyramid`` of the released code.

    Sides of n pixels become ``int(scale * (n - 1)) + 1``, which keeps the corner pixels in their
    places. All logits are resized to the size of the largest ones.

    Args:
        network: Sees every size; its weights are shared.
        scales: Factors on the sides.
    """

    def __init__(self, network: Segmenter, scales: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.scales = tuple(scales)

    def forward(self, images: Tensor) -> Tensor:
        """Normalized (B, in_channels, H, W) -> logits (S, B, num_classes, h, w) of S scales."""
        align = self.network.align_corners
        seen = [self._scaled(images, scale) for scale in self.scales]
        logits = [self.network.logits_at_stride(pictures) for pictures in seen]
        height, width = max((maps.shape[2], maps.shape[3]) for maps in logits)
        return torch.stack([resize(maps, (height, width), align_corners=align) for maps in logits])

    def _scaled(self, images: Tensor, scale: float) -> Tensor:
        height, width = (int(scale * (side - 1)) + 1 for side in images.shape[2:])
        return resize(images, (height, width), align_corners=self.network.align_corners)
