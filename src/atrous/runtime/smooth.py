"""Edges of a mask drawn to those of the picture, by a guided filter (He, Sun and Tang, 2013)."""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from atrous.bands import shown
from atrous.imaging import LabelMap, Pixels

Map: TypeAlias = NDArray[np.float32]
"""(H, W)."""

_EPSILON = 1e-3
"""Variance of the picture (grey from 0 to 1) from which on an edge is kept: 8 of 255 levels."""
_ROWS_AT_ONCE = 128


def smooth_labels(
    strips: Iterable[tuple[slice, NDArray[np.float32]]], pixels: Pixels, *, radius: int
) -> LabelMap:
    """The likeliest class after each class's probability was filtered with the picture as guide.

    Args:
        strips: Strips of rows, and their class probabilities (C, rows, W), from top to bottom.
        pixels: (H, W, C) picture.
        radius: Half the side of the filter's windows, in pixels.

    Returns:
        (H, W) class indices.
    """
    grey = cv2.cvtColor(shown(pixels), cv2.COLOR_RGB2GRAY)
    guide: Map = grey.astype(np.float32) / np.float32(255)
    labels: LabelMap = np.empty(guide.shape, np.uint8)
    # A row of the result depends on as many rows above and below as two windows reach.
    for rows, inner, held in _overlapping(strips, len(guide), margin=2 * radius):
        best = _best(held, guide[rows], radius)[inner]
        if len(held) > 256:
            labels = labels.astype(np.uint16, copy=False)
        labels[rows][inner] = best
    return labels


def guided_filter(values: Map, guide: Map, radius: int) -> Map:
    """Local linear models of the guide that fit the values, averaged; equations 5 to 8."""
    return _Guide(guide, radius).filter(values)


class _Guide:
    """The part of the filter that depends on the picture alone.

    Args:
        guide: (H, W), 0 to 1.
        radius: Half the side of the windows.
    """

    def __init__(self, guide: Map, radius: int) -> None:
        self.guide = guide
        self.side = (2 * radius + 1, 2 * radius + 1)
        self.mean = self._mean(guide)
        square: Map = guide * guide
        self.variance: Map = self._mean(square) - self.mean * self.mean

    def filter(self, values: Map) -> Map:
        mean = self._mean(values)
        product: Map = self.guide * values
        slope: Map = (self._mean(product) - self.mean * mean) / (self.variance + _EPSILON)
        offset: Map = mean - slope * self.mean
        filtered: Map = self._mean(slope) * self.guide + self._mean(offset)
        return filtered

    def _mean(self, values: Map) -> Map:
        return np.asarray(cv2.blur(values, self.side, borderType=cv2.BORDER_REFLECT), np.float32)


def _best(probabilities: NDArray[np.float32], guide: Map, radius: int) -> NDArray[np.intp]:
    """(C, H, W) -> (H, W): the class whose filtered probability is highest."""
    filtering = _Guide(guide, radius)
    best = filtering.filter(probabilities[0])
    labels = np.zeros(guide.shape, np.intp)
    for index in range(1, len(probabilities)):
        filtered = filtering.filter(probabilities[index])
        better = filtered > best
        best[better], labels[better] = filtered[better], index
    return labels


def _overlapping(
    strips: Iterable[tuple[slice, NDArray[np.float32]]], height: int, *, margin: int
) -> Iterator[tuple[slice, slice, NDArray[np.float32]]]:
    """Strips put together so that they overlap.

    Yields:
        Rows of the picture, those among them that are new, and the probabilities of the rows.
    """
    parts: list[NDArray[np.float32]] = []
    top = bottom = done = 0
    for _, strip in strips:
        parts.append(strip)
        bottom += strip.shape[1]
        ready = height if bottom == height else bottom - margin
        if ready == height or ready - done >= max(_ROWS_AT_ONCE, margin):
            held = np.concatenate(parts, axis=1)
            yield slice(top, bottom), slice(done - top, ready - top), held
            done, kept = ready, max(ready - margin, 0)
            parts, top = [held[:, kept - top :]], kept
