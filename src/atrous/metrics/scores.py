"""Scores from counts of pixels, for one set or for many at once.

Counts are arrays (..., 3, num_classes): for each class the pixels that were rightly found, those
that are labelled so, and those that are predicted so. They are all that the scores need of a
confusion matrix; they add up over pictures, and are few enough to be kept for each.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Counts = NDArray[np.int64] | NDArray[np.float64]
"""(..., 3, num_classes): hits, labelled, predicted."""
Scores = NDArray[np.float64]


def iou_of(counts: Counts) -> Scores:
    """Hits over the union of labelled and predicted; nan where the union is empty.

    (..., 3, num_classes) -> (..., num_classes).

    Examples:
        >>> iou_of(np.array([[1, 0], [2, 0], [1, 0]]))
        array([0.5, nan])
    """
    hits, labelled, predicted = np.moveaxis(counts, -2, 0)
    return ratio(hits, labelled + predicted - hits)


def dice_of(counts: Counts) -> Scores:
    """Twice the hits over labelled plus predicted, also called F1; nan where both are empty.

    (..., 3, num_classes) -> (..., num_classes).
    """
    hits, labelled, predicted = np.moveaxis(counts, -2, 0)
    return ratio(2 * hits, labelled + predicted)


def class_accuracy_of(counts: Counts) -> Scores:
    """Hits over labelled, also called recall; nan where no pixel is labelled so.

    (..., 3, num_classes) -> (..., num_classes).
    """
    hits, labelled, _ = np.moveaxis(counts, -2, 0)
    return ratio(hits, labelled)


def mean_iou_of(counts: Counts) -> Scores:
    """Mean over the classes whose union is not empty; nan if there is none.

    (..., 3, num_classes) -> (...).
    """
    return mean_over_classes(iou_of(counts))


def mean_over_classes(values: Scores) -> Scores:
    """Mean over the last axis of what is not nan; nan if all is."""
    there = ~np.isnan(values)
    return ratio(np.where(there, values, 0.0).sum(-1), there.sum(-1))


def ratio(above: ArrayLike, below: ArrayLike) -> Scores:
    """Quotients; nan where ``below`` is not positive."""
    over, under = np.broadcast_arrays(np.asarray(above, np.float64), np.asarray(below, np.float64))
    return np.divide(over, under, out=np.full(over.shape, np.nan), where=under > 0)
