"""The confusion matrix of a whole set, and the scores taken from it."""

import numpy as np
from numpy.typing import NDArray

from atrous.imaging import LabelMap


class ConfusionMatrix:
    """Counts of (true class, predicted class) over every labelled pixel seen.

    Averaging the IoU of each image gives another number than the benchmarks report, so pixels
    are counted first and the ratio is taken once, at the end.

    Args:
        num_classes: Number of classes.
        ignore_index: Label of pixels that are left out of the counts.

    Examples:
        >>> matrix = ConfusionMatrix(num_classes=3, ignore_index=255)
        >>> matrix.update(np.array([[0, 1, 1]]), np.array([[0, 1, 255]]))
        >>> matrix.iou()  # class 2 was neither there nor predicted
        array([ 1.,  1., nan])
        >>> matrix.mean_iou()
        1.0
    """

    def __init__(self, num_classes: int, *, ignore_index: int = 255) -> None:
        self.num_classes = num_classes
        self.ignore_index = ignore_index
        self.counts: NDArray[np.int64] = np.zeros((num_classes, num_classes), np.int64)

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
        keep = labels != self.ignore_index
        kept_labels, kept_predicted = labels[keep].astype(np.int64), predicted[keep]
        for what, values in (("labels", kept_labels), ("predicted", kept_predicted)):
            wrong = values[(values < 0) | (values >= self.num_classes)]
            if wrong.size:
                raise ValueError(
                    f"{what} hold the value {wrong[0]}; expected 0 to "
                    f"{self.num_classes - 1}, or {self.ignore_index} to ignore a pixel"
                )
        pairs = kept_labels * self.num_classes + kept_predicted
        counts = np.bincount(pairs, minlength=self.num_classes**2)
        self.counts += counts.reshape(self.counts.shape)

    def iou(self) -> NDArray[np.float64]:
        """IoU of each class, (num_classes,); nan where a class never occurred."""
        hits = np.diagonal(self.counts).astype(np.float64)
        union = self.counts.sum(0) + self.counts.sum(1) - hits
        return np.divide(hits, union, out=np.full(self.num_classes, np.nan), where=union > 0)

    def mean_iou(self) -> float:
        """Mean over the classes that occurred in labels or predictions, between 0 and 1.

        A class that was only predicted counts as 0. nan if no labelled pixel was seen.
        """
        iou = self.iou()
        occurred = iou[~np.isnan(iou)]
        return float(occurred.mean()) if occurred.size else float("nan")

    def pixel_accuracy(self) -> float:
        """Share of labelled pixels whose class was predicted; nan if none was seen."""
        total = int(self.counts.sum())
        return float(np.trace(self.counts)) / total if total else float("nan")
