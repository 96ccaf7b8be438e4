"""Two reports on the same pictures, side by side."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from atrous.errors import InputError
from atrous.metrics.bootstrap import RESAMPLES, mean_iou_difference
from atrous.metrics.scores import mean_iou_of
from atrous.reports.report import Part, Report, Score

_PICTURES = 10


class ClassPair(Part):
    """IoU of one class by both models."""

    name: str
    first: Score
    second: Score
    difference: Score
    """Second less first."""


class PicturePair(Part):
    """Mean IoU of one picture by both models, over the classes that occur in it."""

    name: str
    first: Score
    second: Score
    difference: Score


class Comparison(Part):
    """What two reports have to say about each other. Differences are second less first."""

    first: str
    """Name of the model."""
    second: str
    first_mean_iou: Score
    second_mean_iou: Score
    difference: Score
    low: Score
    """Lower end of the interval of the difference."""
    high: Score
    level: float
    """Confidence of the interval."""
    p_value: float
    """Two-sided, of the difference being 0."""
    resamples: int
    classes: tuple[ClassPair, ...]
    pictures: tuple[PicturePair, ...]
    """Those that differ most, the largest difference first."""


def compare(
    first: Report, second: Report, *, pictures: int = _PICTURES, resamples: int = RESAMPLES
) -> Comparison:
    """Compare two reports by a paired bootstrap: both models get the same pictures in each draw.

    Args:
        first: The one that stands on the left.
        second: The one whose gain is told.
        pictures: How many of those that differ most are named.
        resamples: Number of draws.

    Raises:
        InputError: If they are not of the same classes, pictures, labels and convention.
    """
    _check_comparable(first, second)
    counts = [report.picture_counts() for report in (first, second)]
    found = mean_iou_difference(counts[0], counts[1], resamples=resamples)
    return Comparison(
        first=first.model.name,
        second=second.model.name,
        first_mean_iou=first.scores.mean_iou,
        second_mean_iou=second.scores.mean_iou,
        difference=found.interval.value,
        low=found.interval.low,
        high=found.interval.high,
        level=found.interval.level,
        p_value=found.p_value,
        resamples=resamples,
        classes=tuple(
            ClassPair(
                name=one.name,
                first=one.iou,
                second=other.iou,
                difference=_less(other.iou, one.iou),
            )
            for one, other in zip(first.classes, second.classes, strict=True)
        ),
        pictures=_most_different(first, counts, pictures),
    )


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _check_comparable(first: Report, second: Report) -> None:
    facts = (
        ("classes", *([one.name for one in report.classes] for report in (first, second))),
        ("pictures", first.data.images, second.data.images),
        ("pictures or labels (fingerprint)", first.data.fingerprint, second.data.fingerprint),
        ("order of pictures", *([one.name for one in r.pictures] for r in (first, second))),
        (
            "handling of ignored pixels",
            first.convention.void_is_wrong,
            second.convention.void_is_wrong,
        ),
    )
    for what, one, other in facts:
        if one != other:
            values = "" if isinstance(one, list) else f": {one} and {other}"
            raise InputError(
                f"the reports differ in {what}{values}; only reports on the same data by the same "
                "convention can be compared"
            )
    if not first.pictures:
        raise InputError("the reports hold no pictures; there is nothing to compare")


def _most_different(
    report: Report, counts: Sequence[NDArray[np.int64]], most: int
) -> tuple[PicturePair, ...]:
    ours, theirs = (mean_iou_of(one) for one in counts)
    difference = theirs - ours
    order = np.argsort(-np.nan_to_num(np.abs(difference)), kind="stable")[:most]
    return tuple(
        PicturePair(
            name=report.pictures[index].name,
            first=float(ours[index]),
            second=float(theirs[index]),
            difference=float(difference[index]),
        )
        for index in order
        if np.nan_to_num(difference[index])
    )
