"""Pictures that a network can look at part by part."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from atrous.imaging import Pixels
from atrous.runtime.engine import Tensor4


class Scene(Protocol):
    """A picture of any size."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width at which the network sees it."""

    def part(self, rows: slice, columns: slice) -> Tensor4 | None:
        """Normalized, (B, C, rows, columns); None where nothing is to be seen."""

    def thumbnail(self, size: tuple[int, int]) -> Tensor4:
        """The whole picture at a smaller height and width, normalized."""


class Images:
    """Normalized images.

    Args:
        images: (B, C, H, W).
    """

    def __init__(self, images: Tensor4) -> None:
        self._images = images
        self.size = (images.shape[2], images.shape[3])

    def part(self, rows: slice, columns: slice) -> Tensor4:
        """(B, C, rows, columns)."""
        return np.ascontiguousarray(self._images[:, :, rows, columns])

    def thumbnail(self, size: tuple[int, int]) -> Tensor4:
        """(B, C, *size)."""
        return np.stack(
            [shrink(one.transpose(1, 2, 0), size).transpose(2, 0, 1) for one in self._images]
        )


@dataclass(frozen=True)
class Photo:
    """Pixels that are normalized when they are looked at."""

    pixels: Pixels
    """(H, W, C), at the size at which the network is to see them."""
    normalize: Callable[[Pixels], Tensor4]
    """(h, w, C) -> (1, C, h, w)."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def part(self, rows: slice, columns: slice) -> Tensor4:
        """(1, C, rows, columns)."""
        return self.normalize(self.pixels[rows, columns])

    def thumbnail(self, size: tuple[int, int]) -> Tensor4:
        """(1, C, *size)."""
        return self.normalize(shrink(self.pixels, size))


def shrink(pixels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Means over areas: (H, W, C) -> (*size, C)."""
    if pixels.shape[:2] == size:
        return pixels
    # OpenCV shrinks up to four channels at a time by areas.
    parts = [pixels[..., first : first + 4] for first in range(0, pixels.shape[2], 4)]
    shrunk = [
        cv2.resize(np.ascontiguousarray(part), size[::-1], interpolation=cv2.INTER_AREA)
        for part in parts
    ]
    return np.concatenate(
        [np.asarray(part, pixels.dtype).reshape(*size, -1) for part in shrunk], axis=2
    )
