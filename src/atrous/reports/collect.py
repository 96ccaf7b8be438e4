"""What a report wants of each picture while a split is measured, in memory that does not grow.

Only counts stay of every picture, and thumbnails of the worst.
"""

import heapq
import io
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from atrous.bands import shown
from atrous.engine.evaluate import Measured
from atrous.imaging import Pixels
from atrous.labels import LabelSet
from atrous.metrics.boundary import BoundaryF, BoundaryIoU, TrimapCurve
from atrous.metrics.calibration import Calibration
from atrous.metrics.scores import mean_iou_of
from atrous.reports.report import Picture
from atrous.runtime.render import color_map, error_map, truth_map

WORST = 24
_THUMBNAIL = 208
"""Longest side of a thumbnail in pixels."""


class Pictures:
    """Counts and time of every picture."""

    def __init__(self) -> None:
        self.rows: list[Picture] = []

    def see(self, picture: Measured) -> None:
        """Keep its counts."""
        counts = picture.matrix.class_counts()
        there = np.flatnonzero(counts.any(0))
        self.rows.append(
            Picture(
                name=picture.sample.name,
                seconds=round(picture.seconds, 6),
                counts={
                    int(index): (int(hits), int(labelled), int(predicted))
                    for index, (hits, labelled, predicted) in zip(
                        there, counts[:, there].T, strict=True
                    )
                },
            )
        )


class Boundaries:
    """All boundary scores at once."""

    def __init__(self, label_set: LabelSet) -> None:
        count, void = label_set.num_classes, label_set.ignore_index
        self.around_void = TrimapCurve(count, ignore_index=void, around="void")
        self.around_classes = TrimapCurve(count, ignore_index=void, around="classes")
        self.iou = BoundaryIoU(count, ignore_index=void)
        self.f_score = BoundaryF(count, ignore_index=void)

    def see(self, picture: Measured) -> None:
        """Add a picture to each."""
        for score in (self.around_void, self.around_classes, self.iou, self.f_score):
            score.update(picture.predicted, picture.labels)


class Calibrations:
    """Calibration, where the probability was asked for."""

    def __init__(self, ignore_index: int) -> None:
        self.calibration = Calibration(ignore_index=ignore_index)

    def see(self, picture: Measured) -> None:
        """Add a picture."""
        if picture.confidence is not None:
            self.calibration.update(picture.predicted, picture.confidence, picture.labels)


class ObjectSizes:
    """IoU of objects against their size.

    An object is a connected region of one class in the labels (corners connect). Of the pixels
    predicted as its class it is held against those that are nearer to it than to another object
    of the class; ignored pixels do not count. Each object counts once, whatever its size.
    """

    SIDES = (0, 8, 16, 32, 64, 128, 256)
    """Square roots of areas at which a bin begins, in pixels."""

    def __init__(self, label_set: LabelSet) -> None:
        self._label_set = label_set
        self.objects: NDArray[np.int64] = np.zeros(len(self.SIDES), np.int64)
        self.sums: NDArray[np.float64] = np.zeros(len(self.SIDES))

    def see(self, picture: Measured) -> None:
        """Add the objects of a picture."""
        counted = picture.labels != self._label_set.ignore_index
        classes = np.unique(picture.labels.astype(np.int64))
        for index in classes[classes < self._label_set.num_classes]:
            self._add(picture.labels == index, (picture.predicted == index) & counted)

    def _add(self, true: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> None:
        _, nearest = cv2.distanceTransformWithLabels(
            np.logical_not(true).astype(np.uint8),
            cv2.DIST_L2,
            cv2.DIST_MASK_5,
            labelType=cv2.DIST_LABEL_CCOMP,
        )
        owner = np.asarray(nearest).ravel()
        area, seen, hits = (
            np.bincount(owner, weights=there.ravel(), minlength=int(owner.max()) + 1)
            for there in (true, predicted, true & predicted)
        )
        whole = area > 0
        bins = np.searchsorted(self.SIDES, np.sqrt(area[whole]), side="right") - 1
        iou = hits[whole] / (area + seen - hits)[whole]
        self.objects += np.bincount(bins, minlength=len(self.SIDES))
        self.sums += np.bincount(bins, weights=iou, minlength=len(self.SIDES))


@dataclass(frozen=True, order=True)
class Bad:
    """One of the worst pictures; the order is from better to worse."""

    badness: float
    turn: int
    """Minus its place among all, so that of equally bad ones the first come first."""
    name: str = field(compare=False)
    mean_iou: float = field(compare=False)
    views: tuple[bytes, bytes, bytes, bytes] = field(compare=False)
    """JPEG files: picture, truth, prediction, errors."""


class Worst:
    """Thumbnails of the pictures with the lowest mean IoU.

    Args:
        label_set: For colours.
        count: How many are kept.
    """

    def __init__(self, label_set: LabelSet, *, count: int = WORST) -> None:
        self._label_set = label_set
        self._count = count
        self._heap: list[Bad] = []
        self._seen = 0

    def see(self, picture: Measured) -> None:
        """Keep the picture if it is among the worst so far."""
        self._seen += 1
        mean_iou = float(mean_iou_of(picture.matrix.class_counts()))
        if np.isnan(mean_iou):
            return  # nothing is labelled in it
        place = (-mean_iou, -self._seen)
        least = self._heap[0] if len(self._heap) >= self._count else None
        if least and place < (least.badness, least.turn):
            return
        bad = Bad(*place, picture.sample.name, mean_iou, self._views(picture))
        heapq.heappush(self._heap, bad)
        if len(self._heap) > self._count:
            heapq.heappop(self._heap)

    def worst_first(self) -> list[Bad]:
        """The kept ones, the worst first."""
        return sorted(self._heap, reverse=True)

    def _views(self, picture: Measured) -> tuple[bytes, bytes, bytes, bytes]:
        label_set = self._label_set
        return (
            _jpeg(shown(picture.sample.image)),
            _jpeg(truth_map(picture.labels, label_set)),
            _jpeg(color_map(picture.predicted, label_set.palette)),
            _jpeg(error_map(picture.labels, picture.predicted, label_set.ignore_index)),
        )


def _jpeg(pixels: Pixels) -> bytes:
    """A small picture as the bytes of a JPEG file."""
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((_THUMBNAIL, _THUMBNAIL), reducing_gap=2.0)
    file = io.BytesIO()
    image.save(file, format="JPEG", quality=72)
    return file.getvalue()
