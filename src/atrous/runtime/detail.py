"""What a prediction can hold besides the mask: probabilities, and edges drawn to the picture's."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atrous.errors import ResourceError
from atrous.imaging import LabelMap, Pixels
from atrous.runtime.smooth import smooth_labels
from atrous.runtime.upsample import AlignCorners, mean_softmax

_MOST_BYTES = 2 << 30
_CELLS = 1
"""Radius of the guided filter in cells of the logits: edges are uncertain by about a cell."""


@dataclass(frozen=True)
class Detail:
    """What is wanted besides the plain mask."""

    confidence: bool = False
    """The probability of each pixel's class."""
    probabilities: bool = False
    """The probabilities of all classes, 2 bytes for each pixel and class."""
    smooth: bool = False
    """Edges of the mask drawn to those of the picture by a guided filter."""


PLAIN = Detail()
"""Only the mask."""


@dataclass(frozen=True)
class Found:
    """What a prediction found."""

    labels: LabelMap
    """(H, W) class indices."""
    confidence: NDArray[np.float32] | None = None
    """(H, W), 0 to 1."""
    probabilities: NDArray[np.float16] | None = None
    """(C, H, W), 0 to 1."""


def probabilities_of(
    views: Sequence[NDArray[np.float32]], size: tuple[int, int], *, align_corners: AlignCorners
) -> NDArray[np.float16]:
    """The `mean_softmax` of all rows at once, (C, height, width).

    Raises:
        ResourceError: If they would take more than 2 GiB.
    """
    shape = (views[0].shape[0], *size)
    if 2 * int(np.prod(shape, dtype=object)) > _MOST_BYTES:
        raise ResourceError(
            f"the probabilities of {shape[0]} classes in {size[1]} x {size[0]} pixels take more "
            f"than the {_MOST_BYTES >> 30} GiB that are held; --as prob or npz keeps the best "
            "class's alone, or scale the picture down"
        )
    probabilities = np.empty(shape, np.float16)
    for strip, values in mean_softmax(views, size, align_corners=align_corners):
        probabilities[:, strip] = values
    return probabilities


def smoothed(
    views: Sequence[NDArray[np.float32]], pixels: Pixels, *, align_corners: AlignCorners
) -> LabelMap:
    """Labels at the picture's size after the guided filter, see `smooth_labels`."""
    height, width = pixels.shape[:2]
    finest = max(view.shape[1] for view in views)
    radius = max(round(_CELLS * height / finest), 1)
    strips = mean_softmax(views, (height, width), align_corners=align_corners)
    return smooth_labels(strips, pixels, radius=radius)
