"""Where windows lie along the sides of a picture that is too large to be seen at once."""

from dataclasses import dataclass
from math import ceil, pi

import numpy as np
from numpy.typing import NDArray

LARGEST_STRIDE = 32
"""Windows begin at multiples of it, so that their logits lie on the grid of the whole picture."""


def window_starts(side: int, window: int, step: int) -> list[int]:
    """Where windows begin along a side, at multiples of 32; the last one ends with the side."""
    if side <= window:
        return [0]
    last = ceil((side - window) / LARGEST_STRIDE) * LARGEST_STRIDE
    step = max(step // LARGEST_STRIDE, 1) * LARGEST_STRIDE
    return [*range(0, last, step), last]


@dataclass(frozen=True)
class Axis:
    """Windows of one length along a side, all of them within it."""

    side: int
    window: int
    starts: tuple[int, ...]
    overlap: int

    def part(self, start: int, stop: int) -> tuple[int, "Axis"]:
        """The windows that a part of the side depends on.

        Args:
            start: First pixel of the part.
            stop: Behind its last one.

        Returns:
            Where the first of them begins, and the windows seen from there. Within the part their
            weights are those of all windows.
        """
        # Labels between two cells of logits depend on both.
        near = (max(start - LARGEST_STRIDE, 0), min(stop + LARGEST_STRIDE, self.side))
        starts = [one for one in self.starts if one < near[1] and one + self.window > near[0]]
        first, last = starts[0], starts[-1]
        moved = tuple(one - first for one in starts)
        return first, Axis(last + self.window - first, self.window, moved, self.overlap)

    def weights(self, stride: int) -> list[NDArray[np.float32]]:
        """For each window the weights of its logits, which rise and fall where windows overlap.

        The weights of all windows sum to 1 at every cell of the picture's logits.

        Args:
            stride: Pixels for each cell of the logits.
        """
        length, ramp = ceil(self.window / stride), max(self.overlap // stride, 1)
        steps = np.minimum(np.arange(length) + 0.5, ramp) / ramp
        rise = np.sin(pi / 2 * steps) ** 2
        total = np.zeros(ceil(self.side / stride))
        parts = []
        for start in self.starts:
            weights = np.ones(length)
            if start > 0:
                weights *= rise
            if start + self.window < self.side:
                weights *= rise[::-1]
            place = slice(start // stride, start // stride + length)
            total[place] += weights
            parts.append((place, weights))
        return [(weights / total[place]).astype(np.float32) for place, weights in parts]


def lay_out(side: int, window: int, overlap: int) -> Axis:
    """Windows along a side, none longer than ``window``.

    Their length is the side's but for a multiple of 32: so the last one ends with the picture, and
    whatever in a network depends on whether a side is even is for every window as for the whole.

    Args:
        side: Of the picture, in pixels.
        window: Largest length of a window, more than ``overlap`` and 64.
        overlap: Pixels that neighbours share; more between the last two.
    """
    if side <= window:
        return Axis(side, side, (0,), 0)
    length = window - (window - side) % LARGEST_STRIDE
    starts = window_starts(side, length, length - overlap)
    return Axis(side, length, tuple(starts), overlap)
