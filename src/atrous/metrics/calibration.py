"""Whether a network that is 80 % sure is right in 80 % of the cases."""

from typing import Self

import numpy as np
from numpy.typing import NDArray

from atrous.imaging import LabelMap
from atrous.metrics.scores import ratio


class Calibration:
    """Expected calibration error over every labelled pixel (Guo et al., 2017).

    Pixels are sorted into bins of equal width by the probability of the predicted class; the
    error is the mean over pixels of how far a bin's accuracy is from its mean probability. Sums
    are kept as whole numbers of millionths, so that parts merge exactly in any order.

    Args:
        bins: Number of bins between 0 and 1.
        ignore_index: Label of pixels that are left out.
    """

    def __init__(self, *, bins: int = 15, ignore_index: int = 255) -> None:
        self.bins = bins
        self.ignore_index = ignore_index
        self.counts: NDArray[np.int64] = np.zeros((3, bins), np.int64)
        """By bin: pixels, pixels that are right, and the sum of probabilities in millionths."""

    def update(
        self, predicted: LabelMap, confidence: NDArray[np.floating], labels: LabelMap
    ) -> None:
        """Add one picture.

        Args:
            predicted: Class indices (H, W).
            confidence: Probability of the predicted class, (H, W), 0 to 1.
            labels: Class indices or ignore_index, (H, W).

        Raises:
            ValueError: If a probability is not between 0 and 1.
        """
        keep = labels != self.ignore_index
        sure = np.rint(confidence[keep].astype(np.float64) * _MILLION)
        # Sums of softmax in float32 may end a few ten-millionths above 1: rounding takes them back.
        if not ((sure >= 0) & (sure <= _MILLION)).all():
            raise ValueError("probabilities lie between 0 and 1")
        bins = np.minimum(sure * self.bins // _MILLION, self.bins - 1).astype(np.int64)
        right = predicted[keep] == labels[keep]
        for row, weights in enumerate((None, right, sure)):
            sums = np.bincount(bins, weights=weights, minlength=self.bins)
            self.counts[row] += np.rint(sums).astype(np.int64)

    def merge(self, other: "Calibration") -> Self:
        """Add what another one has counted.

        Raises:
            ValueError: If the other one has another number of bins.
        """
        if self.bins != other.bins:
            raise ValueError(f"calibrations of {self.bins} and {other.bins} bins cannot be merged")
        self.counts += other.counts
        return self

    def error(self) -> float:
        """Expected calibration error, between 0 and 1; nan if no labelled pixel was seen."""
        pixels, right, sure = self.counts
        return float(ratio(np.abs(right - sure / _MILLION).sum(), pixels.sum()))

    def reliability(self) -> NDArray[np.float64]:
        """(2, bins): mean probability and accuracy of each bin; nan where it is empty."""
        pixels, right, sure = self.counts
        return ratio(np.stack([sure / _MILLION, right]), pixels)


_MILLION = 1_000_000
