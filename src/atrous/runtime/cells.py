"""Labels of interpolated logits."""

import numpy as np
from numpy.typing import NDArray

from atrous.imaging import LabelMap
from atrous.runtime.bilinear import Taps, interpolate


def strip_labels(logits: NDArray[np.float32], rows: Taps, columns: Taps) -> LabelMap:
    """The best class of each pixel, the first of those that tie.

    Args:
        logits: (C, h, w).
        rows: Some or all rows of the result.
        columns: Its columns.

    Returns:
        (rows, columns).
    """
    dtype = np.uint8 if len(logits) <= 256 else np.uint16
    return interpolate(logits, rows, columns).argmax(axis=0).astype(dtype)
