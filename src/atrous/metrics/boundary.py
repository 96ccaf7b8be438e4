"""Quality along boundaries: the trimap curve, boundary IoU, and the boundary F-score.

Like the confusion matrix each of these counts pixels over the whole set and divides once, so that
parts merge exactly. Where labels are ignored nothing is counted, and what is predicted there is
taken as ignored too, so that a prediction which is right everywhere else scores 1.
"""

from collections.abc import Sequence
from math import hypot
from typing import Literal, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from atrous.imaging import LabelMap
from atrous.metrics.confusion import ConfusionMatrix
from atrous.metrics.scores import mean_over_classes, ratio

Around = Literal["void", "classes"]
"""What bands are drawn around: ignored pixels, or every place where two labels meet."""
TRIMAP_WIDTHS = (1, 2, 3, 5, 10, 20, 40)
"""Half widths of the bands, in pixels."""
BOUNDARY_TOLERANCES = (1, 3, 5)
"""Distances at which a contour still counts as met, in pixels."""


class TrimapCurve:
    """Mean IoU inside bands around boundaries, for several widths at once.

    Figure 5 of the DeepLab V3+ paper dilates the void label, which on PASCAL VOC lines the
    objects, and scores the pixels that this adds (``around="void"``). Other data have no such
    line, so bands may also be drawn around every pixel that has a neighbour of another label
    above, below, left or right, ignored pixels being one more label (``around="classes"``).

    A band of width w holds the pixels whose centre is at most w pixels (Euclidean) from the
    nearest void pixel, or less than w pixels from the nearest pixel at a boundary, so that width
    1 is the pixels on both sides of it.

    Args:
        num_classes: Number of classes.
        ignore_index: Label of pixels that are never counted.
        widths: Widths in pixels, in rising order.
        around: What the bands are drawn around.

    Raises:
        ValueError: If widths are missing, not positive or not rising.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        ignore_index: int = 255,
        widths: Sequence[int] = TRIMAP_WIDTHS,
        around: Around = "void",
    ) -> None:
        if not widths or widths[0] < 1 or list(widths) != sorted(set(widths)):
            raise ValueError(f"widths are whole numbers from 1 in rising order, not {widths}")
        self.widths = tuple(widths)
        self.around = around
        self.ignore_index = ignore_index
        self._rings = [ConfusionMatrix(num_classes, ignore_index=ignore_index) for _ in widths]

    def update(self, predicted: LabelMap, labels: LabelMap) -> None:
        """Add one picture: class indices (H, W), and labels of the same size."""
        distance = self._distance(labels)
        if distance is None:
            return
        # Rings do not overlap, so that every pixel is counted once whatever the number of widths.
        inner = 0.0
        for width, ring in zip(self.widths, self._rings, strict=True):
            there = (distance >= inner) & (distance < _above(width, self.around))
            ring.update(predicted[there], labels[there])
            inner = _above(width, self.around)

    def _distance(self, labels: LabelMap) -> NDArray[np.float32] | None:
        """Pixels to the nearest centre of what bands are drawn around; None if there is none."""
        void = labels == self.ignore_index
        centre = void if self.around == "void" else edges(labels)
        return distance_to(centre) if centre.any() else None

    def merge(self, other: "TrimapCurve") -> Self:
        """Add what another curve has counted; see `ConfusionMatrix.merge`.

        Raises:
            ValueError: If the other one has other widths or another convention.
        """
        if (self.widths, self.around) != (other.widths, other.around):
            raise ValueError("trimap curves of different widths or conventions cannot be merged")
        for ring, theirs in zip(self._rings, other._rings, strict=True):
            ring.merge(theirs)
        return self

    def curve(self) -> list[float]:
        """Mean IoU for each width; nan where a band holds no labelled pixel."""
        total = ConfusionMatrix(self._rings[0].num_classes, ignore_index=self.ignore_index)
        return [total.merge(ring).mean_iou() for ring in self._rings]


class BoundaryIoU:
    """Boundary IoU of each class (Cheng et al., 2021), over the set.

    Of each class's region only the pixels within some distance of its contour are compared; the
    edge of the picture is a contour too. The distance is a share of the picture's diagonal, along
    rows and columns (as erosion with a square counts).

    Args:
        num_classes: Number of classes.
        ignore_index: Label of pixels that are never counted.
        dilation_ratio: Distance as a share of the diagonal; 2 % in the paper.
    """

    def __init__(
        self, num_classes: int, *, ignore_index: int = 255, dilation_ratio: float = 0.02
    ) -> None:
        self.ignore_index = ignore_index
        self.dilation_ratio = dilation_ratio
        self.matrix = ConfusionMatrix(num_classes + 1, ignore_index=num_classes + 1)

    def update(self, predicted: LabelMap, labels: LabelMap) -> None:
        """Add one picture: class indices (H, W), and labels of the same size."""
        inside = np.uint16(self.matrix.num_classes - 1)
        width = max(round(self.dilation_ratio * hypot(*labels.shape)), 1)
        seen = _masked(predicted, labels, self.ignore_index)
        near = (np.where(_near_contour(values, width), values, inside) for values in (seen, labels))
        bands = [values.astype(np.uint8 if inside < 255 else np.uint16) for values in near]
        counted = labels != self.ignore_index
        self.matrix.update(bands[0][counted], bands[1][counted])

    def merge(self, other: "BoundaryIoU") -> Self:
        """Add what another one has counted.

        Raises:
            ValueError: If the other one has other classes or another distance.
        """
        if self.dilation_ratio != other.dilation_ratio:
            raise ValueError("boundary IoUs of different distances cannot be merged")
        self.matrix.merge(other.matrix)
        return self

    def iou(self) -> NDArray[np.float64]:
        """Boundary IoU of each class, (num_classes,); nan where a class never occurred."""
        return self.matrix.iou()[:-1]

    def mean(self) -> float:
        """Mean over the classes that occurred."""
        return float(mean_over_classes(self.iou()))


class BoundaryF:
    """F-score of each class's contour (Csurka et al., 2013), over the set.

    Precision is the share of predicted contour pixels with a true one of the class within the
    tolerance, recall the share of true ones with a predicted one; the F-score is their harmonic
    mean. A contour pixel has a neighbour of another class above, below, left or right; contours
    against ignored pixels and the edge of the picture are not known to be any, and do not count.

    Args:
        num_classes: Number of classes.
        ignore_index: Label of pixels that are never counted.
        tolerances: Pixels, Euclidean; each gives a score of its own.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        ignore_index: int = 255,
        tolerances: Sequence[int] = BOUNDARY_TOLERANCES,
    ) -> None:
        self.num_classes = num_classes
        self.ignore_index = ignore_index
        self.tolerances = tuple(tolerances)
        self.counts: NDArray[np.int64] = np.zeros((4, len(self.tolerances), num_classes), np.int64)
        """Predicted contour pixels that are right, all; true ones that were found, all."""

    def update(self, predicted: LabelMap, labels: LabelMap) -> None:
        """Add one picture: class indices (H, W), and labels of the same size."""
        seen = _masked(predicted, labels, self.ignore_index)
        contours = [
            np.where(edges(values, without=self.ignore_index), values.astype(np.int32), -1)
            for values in (seen, labels)
        ]
        present = np.union1d(*(contour[contour >= 0] for contour in contours))
        for index in present:
            ours, theirs = (contour == index for contour in contours)
            self.counts[:, :, index] += (
                _within(ours, theirs, self.tolerances),
                np.full(len(self.tolerances), ours.sum()),
                _within(theirs, ours, self.tolerances),
                np.full(len(self.tolerances), theirs.sum()),
            )

    def merge(self, other: "BoundaryF") -> Self:
        """Add what another one has counted.

        Raises:
            ValueError: If the other one has other classes or other tolerances.
        """
        if (self.num_classes, self.tolerances) != (other.num_classes, other.tolerances):
            raise ValueError("boundary F-scores of different conventions cannot be merged")
        self.counts += other.counts
        return self

    def f_score(self) -> NDArray[np.float64]:
        """F-score, (tolerances, num_classes); nan where a class has no contour at all."""
        right, predicted, found, true = self.counts
        # A contour that is only there or only predicted has no precision or no recall: F is 0.
        precision = np.nan_to_num(ratio(right, predicted))
        recall = np.nan_to_num(ratio(found, true))
        f_score = np.nan_to_num(ratio(2 * precision * recall, precision + recall))
        return np.where(predicted + true > 0, f_score, np.nan)

    def means(self) -> list[float]:
        """For each tolerance the mean over the classes that have a contour."""
        return [float(value) for value in mean_over_classes(self.f_score())]


def edges(labels: LabelMap, *, without: int | None = None) -> NDArray[np.bool_]:
    """Where a neighbour above, below, left or right has another label.

    Args:
        labels: (H, W).
        without: A label whose borders are no edges.
    """
    found = np.zeros(labels.shape, bool)
    for one, other in (
        ((slice(1, None), slice(None)), (slice(None, -1), slice(None))),
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
    ):
        differs = labels[one] != labels[other]
        if without is not None:
            differs &= (labels[one] != without) & (labels[other] != without)
        found[one] |= differs
        found[other] |= differs
    return found


def distance_to(there: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Euclidean distance of each pixel to the nearest one that is there, in pixels."""
    apart = np.logical_not(there).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(apart, cv2.DIST_L2, cv2.DIST_MASK_PRECISE))


def _above(width: int, around: Around) -> float:
    """Distances of a band are below this: squares of whole numbers lie on either side of it."""
    return (width**2 + 0.5) ** 0.5 if around == "void" else (width**2 - 0.5) ** 0.5


def _masked(predicted: LabelMap, labels: LabelMap, ignore_index: int) -> LabelMap:
    return np.where(labels == ignore_index, labels, predicted)


def _near_contour(labels: LabelMap, width: int) -> NDArray[np.bool_]:
    """Where the square of ``width`` pixels to each side holds another label or leaves the picture.

    For each class this is its region less its erosion, all classes at once.
    """
    values = labels.astype(np.uint16)
    square = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    outside = int(np.iinfo(np.uint16).max)
    largest, smallest = (
        np.asarray(turn(values, square, borderType=cv2.BORDER_CONSTANT, borderValue=outside))
        for turn in (cv2.dilate, cv2.erode)
    )
    return np.asarray(largest != smallest)


def _within(
    contour: NDArray[np.bool_], other: NDArray[np.bool_], tolerances: Sequence[int]
) -> NDArray[np.int64]:
    """How many pixels of a contour have one of the other within each tolerance."""
    # Growing by a small disc takes a fiftieth of the time of a distance transform.
    grown = (cv2.dilate(other.astype(np.uint8), _disc(tolerance)) for tolerance in tolerances)
    return np.array([np.count_nonzero(contour & (there > 0)) for there in grown], np.int64)


def _disc(radius: int) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return (rows**2 + columns**2 <= radius**2).astype(np.uint8)
