"""One class for a whole picture."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from atrous.imaging import Pixels
from atrous.runtime.card import Preprocessing
from atrous.runtime.predictor import normalize

MIDDLE = 0.875
"""Share of the shorter side that classifiers are shown, as is the custom on ImageNet."""


@dataclass(frozen=True)
class Classification:
    """How probable each class is for one picture."""

    probabilities: NDArray[np.float32]
    """(num_classes,), from 0 to 1, which sum to 1."""
    names: tuple[str, ...]
    """Class names; the position is the class index."""
    notes: tuple[str, ...] = ()
    """What had to be decided while the picture was read, for the user to know."""

    def top(self, count: int = 5) -> list[tuple[str, float]]:
        """The most probable classes with their probabilities, the best first."""
        best = np.argsort(-self.probabilities, kind="stable")[:count]
        return [(self.names[index], float(self.probabilities[index])) for index in best]


def prepare_crop(pixels: Pixels, preprocessing: Preprocessing) -> NDArray[np.float32]:
    """The middle of a picture as a square: (H, W, C) -> normalized (1, C, side, side).

    The square has 87.5 % of the shorter side and is scaled to the card's ``center_crop``; without
    one the whole picture is taken as it is.
    """
    side = preprocessing.center_crop
    if side is None:
        return normalize(pixels, preprocessing)
    height, width = pixels.shape[:2]
    square = max(round(MIDDLE * min(height, width)), 1)
    top, left = (height - square) // 2, (width - square) // 2
    middle = np.ascontiguousarray(pixels[top : top + square, left : left + square])
    smooth = cv2.INTER_AREA if square > side else cv2.INTER_LINEAR
    scaled = np.asarray(cv2.resize(middle, (side, side), interpolation=smooth), pixels.dtype)
    return normalize(scaled.reshape(side, side, -1), preprocessing)
