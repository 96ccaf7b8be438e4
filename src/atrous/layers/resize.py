"""The one place where maps are resized."""

import torch.nn.functional as F
from torch import Tensor

from atrous.runtime.bilinear import AlignCorners


def resize(x: Tensor, size: tuple[int, int], *, align_corners: AlignCorners) -> Tensor:
    """Resize bilinearly.

    Args:
        x: Maps (B, C, h, w).
        size: Height and width of the result.
        align_corners: True puts the centres of the corner pixels on each other, as TensorFlow 1
            did for the published weights; False aligns the outer edges of the corner pixels;
            "first" puts the centres of the first pixels on each other and steps from there by the
            ratio of the sizes, as TensorFlow 1 does without options.

    Returns:
        Maps (B, C, height, width).
    """
    if x.shape[-2:] == size:
        return x
    if align_corners == "first":
        # With one more row and column on either side, the last corners are as far apart.
        x = F.pad(x, (0, 1, 0, 1), mode="replicate")
        larger = size[0] + 1, size[1] + 1
        x = F.interpolate(x, size=larger, mode="bilinear", align_corners=True)
        return x[..., : size[0], : size[1]]
    return F.interpolate(x, size=size, mode="bilinear", align_corners=align_corners)
