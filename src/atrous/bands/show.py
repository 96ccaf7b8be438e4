"""Any pixels as 8-bit RGB, for people to look at."""

import numpy as np
from numpy.typing import NDArray

from atrous.bands.kind import RGB8, kind_of
from atrous.imaging import Pixels

_DARK, _BRIGHT = 1.0, 99.0
"""Percentiles that become black and white: a few glints would leave the rest in the dark."""


def shown(pixels: Pixels) -> NDArray[np.uint8]:
    """The first three channels as they are, or stretched to 8 bits where they have 16.

    Args:
        pixels: (H, W, C); of fewer than three channels the first is shown as grey.

    Returns:
        (H, W, 3) RGB; the argument itself where that is what it is.
    """
    if kind_of(pixels) == RGB8:
        return np.asarray(pixels, np.uint8)
    chosen = pixels[..., :3] if pixels.shape[2] >= 3 else np.repeat(pixels[..., :1], 3, axis=2)
    if chosen.dtype == np.uint8:
        return np.ascontiguousarray(chosen, np.uint8)
    # One stretch for all three, so that their colours stay.
    values = chosen.astype(np.float32)  # holds 16 bits exactly
    low, high = np.percentile(values, (_DARK, _BRIGHT)).tolist()
    gain = 255.0 / max(high - low, 1.0)
    return np.clip((values - low) * gain, 0, 255).astype(np.uint8)
