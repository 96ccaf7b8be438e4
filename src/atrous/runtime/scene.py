"""Pictures that a network can look at part by part."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from atrous.imaging import Pixels
from atrous.runtime.engine import Tensor4


class Scene(Protocol):
    """A picture of any size."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width at which the network sees it."""

    def part(self, rows: slice, columns: slice) -> Tensor4 | None:
        """Normalized, (B, C, rows, columns); None where nothing is to be seen."""


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
