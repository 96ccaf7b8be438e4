"""From a model and labelled pictures to a confusion matrix."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias
from typing import Protocol as Interface

import numpy as np
from numpy.typing import NDArray

from atrous.bands import RGB8, PixelKind
from atrous.data.sample import PairList, Sample, read_pair
from atrous.engine.protocols import DEFAULT, Protocol
from atrous.imaging import LabelMap, Pixels
from atrous.metrics.confusion import ConfusionMatrix

Predict: TypeAlias = Callable[[Pixels], LabelMap]
"""(H, W, C) -> (H, W) class indices."""
Answer: TypeAlias = tuple[LabelMap, NDArray[np.float32] | None]
"""Class indices and their probability, both (H, W); None where it was not asked for."""
PredictSurely: TypeAlias = Callable[[Pixels], Answer]
"""(H, W, C) -> class indices and their probability."""


@dataclass(frozen=True)
class Evaluation:
    """Scores over one split, from one confusion matrix."""

    mean_iou: float
    pixel_accuracy: float
    iou: dict[str, float | None]
    """By class name; None where a class never occurred."""
    images: int
    mean_class_accuracy: float
    """Mean share of each class's pixels that was found."""
    frequency_weighted_iou: float
    """IoU of the classes weighted by their share of the labelled pixels."""
    mean_dice: float

    SCORE: ClassVar[str] = "mIoU"
    """What `score` is called."""

    @property
    def score(self) -> float:
        """What the best model is chosen by."""
        return self.mean_iou

    @property
    def in_words(self) -> str:
        """The scores that say most, in one line."""
        return f"mIoU {self.mean_iou:.2%}, pixel accuracy {self.pixel_accuracy:.2%}"


@dataclass(frozen=True)
class Measured:
    """One picture, and what was counted in it."""

    sample: Sample
    """As stored."""
    labels: LabelMap
    """(H, W), as the protocol scores them."""
    predicted: LabelMap
    """(H, W)."""
    confidence: NDArray[np.float32] | None
    """(H, W) probability of the predicted class, where it was asked for."""
    matrix: ConfusionMatrix
    """Of this picture alone."""
    seconds: float
    """Time from pixels to labels."""


class Watcher(Interface):
    """Looks at each picture while a split is measured."""

    def see(self, picture: Measured) -> None:
        """Take what is wanted of one picture."""


def samples_of(pairs: PairList, kind: PixelKind = RGB8) -> Iterable[Sample]:
    """Every sample of a split, its picture as pixels of a kind, one after the other."""
    return (read_pair(pair, pairs.label_set, kind) for pair in pairs.pairs)


def evaluate(predict: Predict, pairs: PairList, samples: Iterable[Sample]) -> Evaluation:
    """Count a whole split into one confusion matrix, ignored pixels left out.

    Args:
        predict: Labels for one picture.
        pairs: The split, for its label set.
        samples: Its samples, from `samples_of`; wrap them to show progress.
    """
    matrix, images = measure(lambda pixels: (predict(pixels), None), pairs, samples)
    return evaluation_of(matrix, pairs.label_set.names, images)


def measure(
    predict: PredictSurely,
    pairs: PairList,
    samples: Iterable[Sample],
    *,
    protocol: Protocol = DEFAULT,
    watchers: Sequence[Watcher] = (),
) -> tuple[ConfusionMatrix, int]:
    """Count a whole split as a protocol says, and let others look on.

    Args:
        predict: Labels for one picture, and their probability.
        pairs: The split, for its label set.
        samples: Its samples, from `samples_of`; wrap them to show progress.
        protocol: What is ignored, and whether that is wrong.
        watchers: Shown every picture, in order.

    Returns:
        The confusion matrix, and the number of pictures.
    """
    label_set = pairs.label_set
    total, images = _empty(label_set.num_classes, label_set.ignore_index, protocol), 0
    for sample in samples:
        start = time.perf_counter()
        predicted, confidence = predict(sample.image)
        seconds = time.perf_counter() - start
        labels = protocol.scored(sample.labels, label_set)
        matrix = _empty(label_set.num_classes, label_set.ignore_index, protocol)
        matrix.update(predicted, labels)
        total.merge(matrix)
        images += 1
        picture = Measured(sample, labels, predicted, confidence, matrix, seconds)
        for watcher in watchers:
            watcher.see(picture)
    return total, images


def _empty(num_classes: int, ignore_index: int, protocol: Protocol) -> ConfusionMatrix:
    return ConfusionMatrix(
        num_classes, ignore_index=ignore_index, void_is_wrong=protocol.void_is_wrong
    )


def evaluation_of(matrix: ConfusionMatrix, names: Iterable[str], images: int) -> Evaluation:
    """Scores of a matrix by class name."""
    iou = {
        name: None if np.isnan(value) else float(value)
        for name, value in zip(names, matrix.iou(), strict=True)
    }
    return Evaluation(
        mean_iou=matrix.mean_iou(),
        pixel_accuracy=matrix.pixel_accuracy(),
        iou=iou,
        images=images,
        mean_class_accuracy=matrix.mean_class_accuracy(),
        frequency_weighted_iou=matrix.frequency_weighted_iou(),
        mean_dice=matrix.mean_dice(),
    )
