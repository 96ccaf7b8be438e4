"""The one place where maps are resized."""

import torch.nn.functional as F
from torch import Tensor


def resize(x: Tensor, size: tuple[int, int], *, align_corners: bool) -> Tensor:
    """Resize bilinearly.

    Args:
        x: Maps (B, C, h, w).
        size: Height and width of the result.
        align_corners: True puts the centres of the corner pixels on each other, as TensorFlow 1
            did for the published weights; False aligns the outer edges of the corner pixels.

    Returns:
        Maps (B, C, height, width).
    """
    if x.shape[-2:] == size:
        return x
    return F.interpolate(x, size=size, mode="bilinear", align_corners=align_corners)
