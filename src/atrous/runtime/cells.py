"""Labels of interpolated logits, without interpolating most of them.

Four neighbouring logits of a map are the corners of a cell, and every pixel in the cell is a mean
of them with weights that all classes share. So a class that is the best at all four corners is the
best in the whole cell, which is filled. In other cells a class can only win if its largest corner
reaches the best of the classes' smallest corners; these candidates are interpolated. Only logits as
they are given are compared for this, so that no rounding can lose a class.
"""

from itertools import product
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from atrous.imaging import LabelMap
from atrous.runtime.bilinear import Taps, between, interpolate

Maps: TypeAlias = NDArray[np.float32]
"""(C, h, w)."""
Flags: TypeAlias = NDArray[np.bool_]
Indices: TypeAlias = NDArray[np.intp]

_COST = 4
"""How many times as long a pixel takes that is interpolated by itself, not with its row."""


class _Pixels(NamedTuple):
    """Pixels that are interpolated one by one, each array (n,)."""

    cell: Indices
    """Number of the cell."""
    down: NDArray[np.float32]
    """Share of the bottom corners."""
    right: NDArray[np.float32]
    """Share of the right corners."""

    def some(self, which: Indices) -> "_Pixels":
        return _Pixels(self.cell[which], self.down[which], self.right[which])


def strip_labels(logits: Maps, rows: Taps, columns: Taps) -> LabelMap:
    """The best class of each pixel, the first of those that tie.

    Args:
        logits: (C, h, w), contiguous, finite and within a quarter of the range of float32.
        rows: Some or all rows of the result.
        columns: Its columns.

    Returns:
        (rows, columns).
    """
    first, last = rows.needed
    if len(rows) * len(columns) < (last - first) * logits.shape[2]:
        return every_pixel(logits, rows, columns)
    winners = best_class(logits[:, first:last])
    labels = _of_cells(winners, rows, columns)
    undecided = _undecided(winners)
    places = np.flatnonzero(_of_cells(undecided, rows, columns))
    # A map of noise is better interpolated row by row: most classes are candidates everywhere.
    alone, together = _COST * len(places), len(logits) * labels.size
    if 2 * alone > together:
        return every_pixel(logits, rows, columns)
    corners = _corners(logits, undecided, first)
    cells, classes = _candidates(corners)
    if len(cells) * alone > corners.shape[2] * together:
        return every_pixel(logits, rows, columns)
    y = places // len(columns)
    x = places - y * len(columns)
    numbers = np.zeros(undecided.shape, np.intp)
    numbers[undecided] = np.arange(corners.shape[2])
    cell = numbers[rows.below[y] - first, columns.below[x]]
    pixels = _Pixels(cell, rows.share[y], columns.share[x])
    best = _best_candidate(corners[:, classes, cells], np.bincount(cells), pixels)
    labels.reshape(-1)[places] = classes[best]
    return labels


def every_pixel(logits: Maps, rows: Taps, columns: Taps) -> LabelMap:
    """The labels of `strip_labels`, by interpolating every class at every pixel."""
    dtype = label_type(len(logits))
    best = interpolate(logits[0], rows, columns)
    labels = np.zeros(best.shape, dtype)
    for index in range(1, len(logits)):
        values = interpolate(logits[index], rows, columns)
        # The index is larger than that of every class before, so the largest is the last winner.
        np.maximum(labels, (values > best) * dtype.type(index), out=labels)
        np.maximum(best, values, out=best)
    return labels


def best_class(logits: Maps) -> LabelMap:
    """``argmax(0)`` of finite logits."""
    dtype = label_type(len(logits))
    # Of the classes that reach the largest logit, the first has the highest rank.
    ranks = np.arange(len(logits) - 1, -1, -1, dtype=dtype)[:, None, None]
    return ranks[0] - ((logits == logits.max(0)) * ranks).max(0)


def label_type(num_classes: int) -> np.dtype[np.uint8] | np.dtype[np.uint16]:
    """The smallest type that holds the labels."""
    return np.dtype(np.uint8) if num_classes <= 256 else np.dtype(np.uint16)


def _undecided(winners: LabelMap) -> Flags:
    """Cells whose corners do not all have one winner, each at its top left corner."""
    flags = np.zeros(winners.shape, bool)
    beside = winners[:, 1:] != winners[:, :-1]
    flags[:, :-1] = beside
    flags[:-1, :-1] |= beside[1:]
    flags[:-1] |= winners[1:] != winners[:-1]
    return flags


def _of_cells(values: NDArray[Any], rows: Taps, columns: Taps) -> NDArray[Any]:
    """For each pixel the value of its cell, of those rows of cells that are needed."""
    return values.take(columns.below, 1).take(rows.below - rows.below[0], 0)


def _corners(logits: Maps, cells: Flags, first: int) -> NDArray[np.float32]:
    """Logits at the corners of the flagged cells.

    Args:
        logits: (C, h, w).
        cells: Flags of the rows of cells from the first one on.
        first: Where they begin.

    Returns:
        (4, C, n): top left, top right, bottom left, bottom right.
    """
    height, width = logits.shape[1:]
    y, x = np.nonzero(cells)
    y += first
    bottom, right = np.minimum(y + 1, height - 1), np.minimum(x + 1, width - 1)
    flat = logits.reshape(len(logits), -1)
    corners = np.empty((4, len(logits), len(y)), logits.dtype)
    for out, (down, across) in zip(corners, product((y, bottom), (x, right)), strict=True):
        flat.take(down * width + across, 1, out=out, mode="clip")
    return corners


def _candidates(corners: NDArray[np.float32]) -> tuple[Indices, Indices]:
    """Pairs of a cell and a class that can win in it, by cell and then by class."""
    certain = corners.min(0).max(0)
    cells, classes = np.nonzero((corners.max(0) >= certain).T)
    return cells, classes


def _best_candidate(corners: NDArray[np.float32], counts: Indices, pixels: _Pixels) -> Indices:
    """For each pixel the pair that is best, the first of those that tie.

    Args:
        corners: (4, pairs) logits of the pairs of a cell and a candidate, cell after cell.
        counts: How many pairs each cell has.
        pixels: Those to be settled.
    """
    first, count = (np.cumsum(counts) - counts)[pixels.cell], counts[pixels.cell]
    highest = _inside(corners.take(first, 1), pixels)
    # An undecided cell has two candidates or more: the winners at its corners.
    value = _inside(corners.take(first + 1, 1), pixels)
    best = first + (value > highest)
    np.maximum(highest, value, out=highest)
    for rank in range(2, int(counts.max(initial=0))):
        which = np.flatnonzero(count > rank)
        pair = first[which] + rank
        value = _inside(corners.take(pair, 1), pixels.some(which))
        better = np.flatnonzero(value > highest[which])
        which = which[better]
        highest[which], best[which] = value[better], pair[better]
    return best


def _inside(corners: NDArray[np.float32], pixels: _Pixels) -> NDArray[np.float32]:
    """Interpolate (4, n) corners as `interpolate` does: along the rows, then down."""
    top = between(corners[0], corners[1], pixels.right)
    return between(top, between(corners[2], corners[3], pixels.right), pixels.down)
