"""Where the pixels of a resized map lie between those it is made from, and their values."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

AlignCorners: TypeAlias = bool | Literal["first"]
"""What lies on each other when a map is resized: the centres of the corner pixels (True), their
outer edges (False), or the centres of the first pixels alone, with steps of the sizes' ratio."""


@dataclass(frozen=True)
class Taps:
    """Along one axis, the two source pixels of every target pixel."""

    below: NDArray[np.intp]
    above: NDArray[np.intp]
    share: NDArray[np.float32]
    """Of the pixel above, from 0 to 1."""

    def __len__(self) -> int:
        return len(self.below)

    @property
    def needed(self) -> tuple[int, int]:
        """The source pixels that are read, as a range."""
        return int(self.below[0]), int(self.above[-1]) + 1

    def strips(self, most: int) -> Iterator[tuple[slice, "Taps"]]:
        """Parts of about equal length, each of ``most`` target pixels or fewer, and their place."""
        count = -(-len(self) // max(most, 1))
        length = -(-len(self) // count)
        for start in range(0, len(self), length):
            part = slice(start, start + length)
            yield part, Taps(self.below[part], self.above[part], self.share[part])

    def shifted(self, by: int) -> "Taps":
        """For a source that begins ``by`` pixels earlier; a negative number for later."""
        return Taps(self.below + by, self.above + by, self.share)


def taps(source: int, target: int, align_corners: AlignCorners) -> Taps:
    """For an axis of ``source`` pixels that becomes one of ``target``."""
    places = np.arange(target, dtype=np.float64)
    if align_corners == "first":
        places *= source / target
    elif align_corners:
        places *= (source - 1) / (target - 1) if target > 1 else 0.0
    else:
        places = np.clip((places + 0.5) * (source / target) - 0.5, 0.0, source - 1)
    below = np.minimum(places.astype(np.intp), source - 1)
    above = np.minimum(below + 1, source - 1)
    return Taps(below, above, (places - below).astype(np.float32))


def interpolate(values: NDArray[np.float32], rows: Taps, columns: Taps) -> NDArray[np.float32]:
    """Interpolate maps (..., h, w) to (..., rows, columns).

    Only the rows that are needed are read. A value between two is the one below plus a share of
    their difference, so that between equal values it is exactly theirs.
    """
    first, last = rows.needed
    wide = values[..., first:last, :]
    wide = between(wide.take(columns.below, -1), wide.take(columns.above, -1), columns.share)
    rows = rows.shifted(-first)
    return between(wide.take(rows.below, -2), wide.take(rows.above, -2), rows.share[:, None])


def resize_bilinear(
    values: NDArray[np.float32], size: tuple[int, int], *, align_corners: AlignCorners
) -> NDArray[np.float32]:
    """Interpolate maps (C, h, w) to (C, height, width)."""
    return interpolate(
        values,
        taps(values.shape[-2], size[0], align_corners),
        taps(values.shape[-1], size[1], align_corners),
    )


def between(
    below: NDArray[np.float32], above: NDArray[np.float32], share: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The values at a share of the way from one to the other; the array above is written over."""
    above -= below
    above *= share
    above += below
    return above
