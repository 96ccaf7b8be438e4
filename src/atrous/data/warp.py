"""Pictures of any number of channels and labels, resized and turned."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from atrous.imaging import LabelMap, Pixels

Matrix = NDArray[np.float64]
"""(3, 3): from (x, y, 1) in the result to (x, y, 1) in the source, whole numbers at the centres."""

_AT_ONCE = 4
"""Channels that OpenCV averages over areas in one call."""


def resize_image(image: Pixels, size: tuple[int, int]) -> Pixels:
    """Resize to a height and width: averaged over areas to shrink, else bilinear.

    Args:
        image: (H, W, C), 8 or 16 bit.
        size: Height and width of the result.
    """
    shrinks = size[0] < image.shape[0] or size[1] < image.shape[1]
    smooth = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return _in_parts(image, lambda part: cv2.resize(part, size[::-1], interpolation=smooth))


def resize_labels(labels: LabelMap, size: tuple[int, int]) -> LabelMap:
    """Resize to a height and width; each pixel is the nearest one of the source."""
    resized: Any = cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return resized


def warp_image(image: Pixels, matrix: Matrix, size: tuple[int, int]) -> Pixels:
    """Look up each pixel of the result in the source, between its pixels; its edge goes on outside.

    Args:
        image: (H, W, C), 8 or 16 bit.
        matrix: Where in the source a pixel of the result lies.
        size: Height and width of the result.
    """
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    edge = cv2.BORDER_REPLICATE
    return _in_parts(
        image,
        lambda part: cv2.warpAffine(part, matrix[:2], size[::-1], flags=flags, borderMode=edge),
    )


def warp_labels(labels: LabelMap, matrix: Matrix, size: tuple[int, int], fill: int) -> LabelMap:
    """Look up each pixel of the result at the nearest pixel of the source; ``fill`` outside."""
    warped: Any = cv2.warpAffine(
        labels,
        matrix[:2],
        size[::-1],
        flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
        borderValue=fill,
    )
    return warped


def _in_parts(image: Pixels, change: Callable[[Pixels], Any]) -> Pixels:
    """Change a few channels at once; OpenCV drops the axis of a single one, which comes back."""
    parts = [
        np.atleast_3d(change(image[..., first : first + _AT_ONCE]))
        for first in range(0, image.shape[2], _AT_ONCE)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=2)
