"""From what label files hold, values or colours, to class indices."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from atrous.errors import DatasetError
from atrous.imaging import LabelMap, Pixels
from atrous.labels import Color


def map_values(labels: LabelMap, values: Mapping[int, int]) -> LabelMap:
    """Replace values by class indices; values that are not named stay.

    Args:
        labels: (H, W) stored values.
        values: Class index, 0 to 65535, by stored value.
    """
    largest = max(int(np.iinfo(labels.dtype).max), *values.keys())
    table = np.arange(largest + 1)
    for value, index in values.items():
        table[value] = index
    return _smallest(table[labels])


def map_colors(colors: LabelMap | Pixels, indices: Mapping[Color, int], path: Path) -> LabelMap:
    """Replace colours by class indices.

    Args:
        colors: (H, W, 3) RGB.
        indices: Class index by colour.
        path: The file, for messages.

    Raises:
        DatasetError: If a colour has no meaning, with the commonest of them.
    """
    known = sorted((_code(color), index) for color, index in indices.items())
    codes = np.array([code for code, _ in known])
    red, green, blue = (colors[..., channel].astype(np.int64) for channel in range(3))
    seen = red << 16 | green << 8 | blue
    place = np.minimum(np.searchsorted(codes, seen), len(codes) - 1)
    unknown = seen[codes[place] != seen]
    if unknown.size:
        raise DatasetError(f"{path}: {_describe_unknown(unknown)}")
    return _smallest(np.array([index for _, index in known])[place])


def _code(color: Color) -> int:
    return color[0] << 16 | color[1] << 8 | color[2]


def _describe_unknown(codes: NDArray[np.int64]) -> str:
    found, counts = np.unique(codes, return_counts=True)
    common = np.argsort(-counts, kind="stable")[:4]
    listed = ", ".join(f"#{found[i]:06x} on {counts[i]} pixels" for i in common)
    return (
        f"{len(found)} colours are in no palette: {listed}; name them in dataset.toml, or save "
        "label maps without smoothing"
    )


def _smallest(indices: NDArray[np.int64]) -> LabelMap:
    """The same numbers in 8 bits where they fit."""
    if indices.max(initial=0) < 256:
        return indices.astype(np.uint8)
    return indices.astype(np.uint16)
