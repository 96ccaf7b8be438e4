"""The confusion matrix of a whole set, and the scores taken from it."""

from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from atrous.imaging import LabelMap
from atrous.metrics.scores import (
    class_accuracy_of,
    dice_of,
    iou_of,
    mean_iou_of,
    mean_over_classes,
    ratio,
)

_BYTE = 256
_EXACT = 1 << 24
"""Pixels that OpenCV's histogram is given at a time: it counts in float32, exact up to here."""


class ConfusionMatrix:
    """Counts of (true class, predicted class) over every labelled pixel seen.

    Averaging the IoU of each image gives another number than the benchmarks report, so pixels
    are counted first and the ratio is taken once, at the end.

    Args:
        num_classes: Number of classes.
        ignore_index: Label of pixels that are left out of the counts.
        void_is_wrong: Count a pixel labelled ``ignore_index`` as a mistake of the class that is
            predicted there: it adds to that class's union and to the pixels that accuracy is
            taken over. By default such pixels do not count at all.

    Examples:
        >>> matrix = ConfusionMatrix(num_classes=3, ignore_index=255)
        >>> matrix.update(np.array([[0, 1, 1]]), np.array([[0, 1, 255]]))
        >>> matrix.iou()  # class 2 was neither there nor predicted
        array([ 1.,  1., nan])
        >>> matrix.mean_iou()
        1.0
    """

    def __init__(
        self, num_classes: int, *, ignore_index: int = 255, void_is_wrong: bool = False
    ) -> None:
        self.num_classes = num_classes
        self.ignore_index = ignore_index
        self.void_is_wrong = void_is_wrong
        self.counts: NDArray[np.int64] = np.zeros((num_classes, num_classes), np.int64)
        self.void: NDArray[np.int64] = np.zeros(num_classes, np.int64)
        """Predictions on ignored pixels, by class; zero unless ``void_is_wrong``."""

    def update(self, predicted: LabelMap, labels: LabelMap) -> None:
        """Add one picture or a batch.

        Args:
            predicted: Class indices of any shape. Logits must go through argmax.
            labels: Class indices or ignore_index, of the same shape.

        Raises:
            ValueError: If the shapes differ or a value is no class.
        """
        if predicted.shape != labels.shape:
            raise ValueError(f"predicted has shape {predicted.shape}, labels {labels.shape}")
        in_bytes = predicted.dtype == labels.dtype == np.uint8 and self.num_classes <= _BYTE
        count = self._count_bytes if in_bytes else self._count_any
        counts, void = count(predicted, labels)
        self.counts += counts
        if self.void_is_wrong:
            self.void += void

    def _count_bytes(
        self, predicted: LabelMap, labels: LabelMap
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Count every pair of byte values at once, then look at which of them occurred."""
        joint = np.zeros((_BYTE, _BYTE), np.int64)
        flat: list[NDArray[np.uint8]] = [
            np.ascontiguousarray(values, np.uint8).reshape(1, -1) for values in (labels, predicted)
        ]
        for start in range(0, labels.size, _EXACT):
            part = [values[:, start : start + _EXACT] for values in flat]
            sizes, ranges = [_BYTE, _BYTE], [0.0, _BYTE, 0.0, _BYTE]
            joint += np.asarray(cv2.calcHist(part, [0, 1], None, sizes, ranges)).astype(np.int64)
        void = np.zeros(_BYTE, np.int64)
        if self.ignore_index < _BYTE:
            void = joint[self.ignore_index].copy()
            joint[self.ignore_index] = 0
        self._check("labels", np.flatnonzero(joint.any(1)))
        self._check("predicted", np.flatnonzero(joint.any(0) | self._counted(void)))
        return joint[: self.num_classes, : self.num_classes], void[: self.num_classes]

    def _counted(self, void: NDArray[np.int64]) -> NDArray[np.bool_]:
        return (void > 0) & self.void_is_wrong

    def _count_any(
        self, predicted: LabelMap, labels: LabelMap
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """As `_count_bytes`, for any integers and any number of classes."""
        keep = labels != self.ignore_index
        kept_labels, kept_predicted = labels[keep].astype(np.int64), predicted[keep]
        on_void = predicted[~keep] if self.void_is_wrong else predicted[:0].reshape(-1)
        self._check("labels", kept_labels)
        self._check("predicted", kept_predicted)
        self._check("predicted", on_void)
        pairs = kept_labels * self.num_classes + kept_predicted.astype(np.int64)
        counts = np.bincount(pairs, minlength=self.num_classes**2)
        void = np.bincount(on_void.astype(np.int64), minlength=self.num_classes)
        return counts.reshape(self.counts.shape), void

    def _check(self, what: str, values: NDArray[np.integer]) -> None:
        wrong = values[(values < 0) | (values >= self.num_classes)]
        if wrong.size:
            raise ValueError(
                f"{what} hold the value {wrong[0]}; expected 0 to "
                f"{self.num_classes - 1}, or {self.ignore_index} to ignore a pixel"
            )

    def merge(self, other: "ConfusionMatrix") -> Self:
        """Add what another matrix has counted, such as that of another process.

        Counts are whole numbers: in whatever order matrices are merged, the result is that of one
        matrix that has seen everything.

        Returns:
            This matrix.

        Raises:
            ValueError: If the other one counts other classes, or void pixels otherwise.
        """
        ours, theirs = (
            (matrix.num_classes, matrix.ignore_index, matrix.void_is_wrong)
            for matrix in (self, other)
        )
        if ours != theirs:
            raise ValueError(
                "matrices of different conventions (num_classes, ignore_index, void_is_wrong) "
                f"cannot be merged: {ours} and {theirs}"
            )
        self.counts += other.counts
        self.void += other.void
        return self

    def class_counts(self) -> NDArray[np.int64]:
        """(3, num_classes): pixels rightly found, labelled so, and predicted so."""
        return np.stack(
            [np.diagonal(self.counts), self.counts.sum(1), self.counts.sum(0) + self.void]
        )

    def iou(self) -> NDArray[np.float64]:
        """IoU of each class, (num_classes,); nan where a class never occurred."""
        return iou_of(self.class_counts())

    def mean_iou(self) -> float:
        """Mean over the classes that occurred in labels or predictions, between 0 and 1.

        A class that was only predicted counts as 0. nan if no labelled pixel was seen.
        """
        return float(mean_iou_of(self.class_counts()))

    def dice(self) -> NDArray[np.float64]:
        """Dice (F1) of each class, (num_classes,); nan where a class never occurred."""
        return dice_of(self.class_counts())

    def mean_dice(self) -> float:
        """Mean of `dice` over the classes that occurred in labels or predictions."""
        return float(mean_over_classes(self.dice()))

    def class_accuracy(self) -> NDArray[np.float64]:
        """Share of each class's labelled pixels that were found; nan where there are none."""
        return class_accuracy_of(self.class_counts())

    def mean_class_accuracy(self) -> float:
        """Mean of `class_accuracy` over the classes that occurred in labels."""
        return float(mean_over_classes(self.class_accuracy()))

    def frequency_weighted_iou(self) -> float:
        """Sum of each class's IoU times its share of the labelled pixels; nan without any."""
        labelled = self.counts.sum(1)
        weighted = np.where(labelled > 0, self.iou(), 0.0) * labelled
        return float(ratio(weighted.sum(), labelled.sum()))

    def pixel_accuracy(self) -> float:
        """Share of the counted pixels whose class was predicted; nan if none was counted."""
        return float(ratio(np.trace(self.counts), self.counts.sum() + self.void.sum()))
