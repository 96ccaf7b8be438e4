"""From a model and labelled pictures to a confusion matrix."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from atrous.data.sample import PairList, Sample, read_pair
from atrous.imaging import LabelMap, Pixels
from atrous.metrics.confusion import ConfusionMatrix

Predict = Callable[[Pixels], LabelMap]
"""(H, W, 3) RGB -> (H, W) class indices."""


@dataclass(frozen=True)
class Evaluation:
    """Scores over one split, from one confusion matrix."""

    mean_iou: float
    pixel_accuracy: float
    iou: dict[str, float | None]
    """By class name; None where a class never occurred."""
    images: int


def samples_of(pairs: PairList) -> Iterable[Sample]:
    """Every sample of a split, as stored, one after the other."""
    return (read_pair(pair, pairs.label_set) for pair in pairs.pairs)


def evaluate(predict: Predict, pairs: PairList, samples: Iterable[Sample]) -> Evaluation:
    """Count a whole split into one confusion matrix, ignored pixels left out.

    Args:
        predict: Labels for one picture.
        pairs: The split, for its label set.
        samples: Its samples, from `samples_of`; wrap them to show progress.
    """
    label_set = pairs.label_set
    matrix = ConfusionMatrix(label_set.num_classes, ignore_index=label_set.ignore_index)
    images = 0
    for sample in samples:
        matrix.update(predict(sample.image), sample.labels)
        images += 1
    return evaluation_of(matrix, label_set.names, images)


def evaluation_of(matrix: ConfusionMatrix, names: Iterable[str], images: int) -> Evaluation:
    """Scores of a matrix by class name."""
    iou = {
        name: None if np.isnan(value) else float(value)
        for name, value in zip(names, matrix.iou(), strict=True)
    }
    return Evaluation(matrix.mean_iou(), matrix.pixel_accuracy(), iou, images)
