"""Logits of a picture from those of overlapping windows, a band of rows at a time."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import ceil
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from atrous.imaging import LabelMap
from atrous.runtime.bilinear import Taps
from atrous.runtime.cells import strip_labels
from atrous.runtime.engine import Tensor4
from atrous.runtime.windows import Axis, lay_out

Look: TypeAlias = Callable[[slice, slice], Tensor4 | None]
"""Logits of a window, from its rows and columns in the picture; None where nothing is to be seen,
which counts as logits of 0."""
_STRIP_PIXELS = 1 << 19
"""Pixels whose labels are made at a time."""


@dataclass(frozen=True)
class Tiling:
    """Windows over a picture, in rows and columns."""

    rows: Axis
    columns: Axis

    def __len__(self) -> int:
        """How many windows there are."""
        return len(self.rows.starts) * len(self.columns.starts)

    @property
    def window(self) -> tuple[int, int]:
        """Height and width of each."""
        return self.rows.window, self.columns.window

    def spread(self, count: int) -> list[tuple[slice, slice]]:
        """Rows and columns of at most ``count`` windows, spread evenly over the picture."""
        down, across = self.rows.starts, self.columns.starts
        numbers = {len(self) * (2 * index + 1) // (2 * count) for index in range(count)}
        spots = [divmod(number, len(across)) for number in sorted(numbers)]
        height, width = self.window
        return [
            (slice(down[row], down[row] + height), slice(across[column], across[column] + width))
            for row, column in spots
        ]


def tiling_of(size: tuple[int, int], tile: int, overlap: int) -> Tiling:
    """Square windows of at most ``tile`` pixels a side over a picture."""
    height, width = size
    return Tiling(lay_out(height, tile, overlap), lay_out(width, tile, overlap))


def blended(
    tiling: Tiling, look: Look, *, channels: tuple[int, int], stride: int
) -> Iterator[NDArray[np.float32]]:
    """Blend the logits of windows where they overlap.

    Args:
        tiling: Where the windows lie.
        look: Gives their logits.
        channels: Pictures at a time, and classes.
        stride: Pixels for each cell of the logits.

    Yields:
        The rows (B, C, rows, w) that no further window reaches, from top to bottom; together
        they are the logits of the whole picture.
    """
    height, width = (ceil(side / stride) for side in tiling.window)
    across = list(zip(tiling.columns.starts, tiling.columns.weights(stride), strict=True))
    band = np.zeros((*channels, height, ceil(tiling.columns.side / stride)), np.float32)
    following = [*tiling.rows.starts[1:], tiling.rows.side]
    for top, down, after in zip(
        tiling.rows.starts, tiling.rows.weights(stride), following, strict=True
    ):
        rows = slice(top, top + tiling.rows.window)
        for left, weights in across:
            logits = look(rows, slice(left, left + tiling.columns.window))
            if logits is not None:
                cells = slice(left // stride, left // stride + width)
                band[..., cells] += logits * (down[:, None] * weights)
        done = ceil((after - top) / stride)
        yield band[..., :done, :]
        rest = band[..., done:, :]
        band = np.zeros_like(band)
        band[..., : rest.shape[-2], :] = rest


def band_labels(
    bands: Iterable[NDArray[np.float32]], rows: Taps, columns: Taps
) -> Iterator[tuple[slice, LabelMap]]:
    """Labels of logits that come a few rows at a time.

    Args:
        bands: Logits (C, rows, w), from top to bottom, as `atrous.runtime.cells` wants them.
        rows: All rows of the picture.
        columns: Its columns.

    Yields:
        Rows of the picture, from top to bottom, and their labels.
    """
    held, first, start = np.zeros((0, 0, 0), np.float32), 0, 0
    for band in bands:
        held = np.concatenate([held, band], axis=1) if held.size else np.ascontiguousarray(band)
        known = first + held.shape[1]
        ready = int(np.searchsorted(rows.above, known))
        if ready == start:
            continue
        yield slice(start, ready), _labels(held, _part(rows, slice(start, ready), first), columns)
        start = ready
        if start < len(rows):
            needed = min(int(rows.below[start]), known)
            held, first = held[:, needed - first :].copy(), needed


def _labels(logits: NDArray[np.float32], rows: Taps, columns: Taps) -> LabelMap:
    length = max(_STRIP_PIXELS // len(columns), 1)
    return np.concatenate([strip_labels(logits, part, columns) for _, part in rows.strips(length)])


def _part(taps: Taps, part: slice, first: int) -> Taps:
    return Taps(taps.below[part] - first, taps.above[part] - first, taps.share[part])
