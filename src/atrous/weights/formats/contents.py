"""What a file of foreign weights holds, whatever its kind."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atrous.errors import WeightsError
from atrous.models.config import OutputStride
from atrous.runtime.bilinear import AlignCorners
from atrous.weights.formats.leaves import Leaves


@dataclass(frozen=True)
class Contents:
    """The values of a network, and what its graph says beyond them, if it is there."""

    values: Mapping[str, NDArray[np.generic]]
    """Every value by its name."""
    leaves: Leaves
    """How the parts of a layer are named and laid out."""
    output_stride: OutputStride | None = None
    """Input pixels for each pixel of the deepest map."""
    align_corners: AlignCorners = True
    """How maps are resized; the released DeepLab aligns corners unless its graph says otherwise."""
    size: int | None = None
    """Longest side of the pictures that the graph takes."""


def corners_of(ways: Collection[tuple[bool, bool]]) -> AlignCorners:
    """How maps are resized, from the options of TensorFlow's operations.

    Args:
        ways: ``align_corners`` and ``half_pixel_centers`` of every bilinear resizing of a graph.

    Raises:
        ValueError: If they are not all the same.
    """
    if len(set(ways)) > 1:
        raise ValueError("it resizes maps in several ways, with corners aligned and without")
    align_corners, half_pixels = next(iter(ways), (True, False))
    return align_corners or (False if half_pixels else "first")


def refuse_not_finite(values: Mapping[str, NDArray[np.generic]], *, where: str) -> None:
    """Refuse weights among which are infinities or nan, of which no network can be made.

    Raises:
        WeightsError: With the name of the first.
    """
    for name, value in values.items():
        if not np.isfinite(value).all():
            raise WeightsError(f"{where}: {name} holds values that are not finite; it is damaged")
