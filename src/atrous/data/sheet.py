"""Pictures with their labels laid over them, small and side by side."""

import math
from collections.abc import Iterable

import cv2
import numpy as np

from atrous.bands import shown
from atrous.data.sample import Pair, read_pair
from atrous.imaging import Pixels
from atrous.labels import LabelSet
from atrous.runtime.render import draw_legend, overlay

_CELL = (240, 320)
_GAP = 6
_BACKGROUND = 24


def contact_sheet(pairs: Iterable[Pair], label_set: LabelSet, *, opacity: float) -> Pixels:
    """Draw pairs in rows, each in a cell of 240 x 320 with the classes that it shows.

    Args:
        pairs: At least one.
        label_set: Names and colours.
        opacity: 0 shows the pictures alone, 1 the labels alone.

    Returns:
        (H, W, 3) RGB, about square.

    Raises:
        DatasetError: If picture and labels of a pair do not fit.
        InputError: If a file cannot be read.
    """
    cells = [_cell(pair, label_set, opacity) for pair in pairs]
    columns = math.ceil(math.sqrt(len(cells)))
    rows = math.ceil(len(cells) / columns)
    height, width = (side + _GAP for side in _CELL)
    sheet = np.full((rows * height + _GAP, columns * width + _GAP, 3), _BACKGROUND, np.uint8)
    for place, cell in enumerate(cells):
        top, left = place // columns * height + _GAP, place % columns * width + _GAP
        sheet[top : top + cell.shape[0], left : left + cell.shape[1]] = cell
    return sheet


def _cell(pair: Pair, label_set: LabelSet, opacity: float) -> Pixels:
    sample = read_pair(pair, label_set, None)
    factor = min(side / full for side, full in zip(_CELL, sample.labels.shape, strict=True))
    height, width = (max(1, round(side * factor)) for side in sample.labels.shape)
    image = np.asarray(
        cv2.resize(shown(sample.image), (width, height), interpolation=cv2.INTER_AREA), np.uint8
    )
    labels = np.asarray(
        cv2.resize(sample.labels, (width, height), interpolation=cv2.INTER_NEAREST_EXACT),
        np.uint16,
    )
    small = overlay(image, labels, label_set.palette, opacity=opacity)
    counts = np.bincount(labels.ravel(), minlength=label_set.num_classes)
    shares = {name: counts[i] / labels.size for i, name in enumerate(label_set.names)}
    return draw_legend(small, shares, label_set)
