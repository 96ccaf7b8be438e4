"""How far a mean IoU could have come out otherwise, had other pictures been drawn.

Pictures are drawn again with replacement, as many as there are, many times; their counts are
added up and scored as the set is. Pictures are taken as independent: frames of one video are
alike, and their true interval is wider.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atrous.metrics.scores import Counts, mean_iou_of

RESAMPLES = 2000
LEVEL = 0.95
_AT_A_TIME = 100
"""Draws that are scored at once, so that memory does not grow with their number."""


@dataclass(frozen=True)
class Interval:
    """Where a score lies, by the percentiles of its draws."""

    value: float
    """Score of the set itself."""
    low: float
    high: float
    level: float = LEVEL
    """Share of the draws between ``low`` and ``high``."""


@dataclass(frozen=True)
class Difference:
    """Second less first mean IoU, on the same pictures."""

    interval: Interval
    p_value: float
    """Two-sided: how often draws of two equally good models would differ at least in this sign,
    from the share of draws on the other side of 0."""


def mean_iou_interval(
    counts: Counts, *, resamples: int = RESAMPLES, level: float = LEVEL, seed: int = 0
) -> Interval:
    """Confidence interval of the mean IoU.

    Args:
        counts: (pictures, 3, num_classes), see `atrous.metrics.scores`.
        resamples: Number of draws.
        level: Share of the draws inside the interval.
        seed: Of the draws; the same one gives the same interval.

    Raises:
        ValueError: If there is no picture.
    """
    drawn = _resampled_mean_iou(counts, resamples, seed)
    value = float(mean_iou_of(counts.sum(0)))
    return Interval(value, *_percentiles(drawn, level), level)


def share_interval(
    right: int,
    pictures: int,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """Confidence interval of a share of the pictures, such as a top-1 accuracy.

    Of pictures drawn again, the number of right ones is binomial: no single picture is needed.

    Args:
        right: How many are right.
        pictures: How many there are.
        resamples: Number of draws.
        level: Share of the draws inside the interval.
        seed: Of the draws.

    Raises:
        ValueError: If there is no picture.
    """
    if not pictures:
        raise ValueError("there are no pictures to draw from")
    value = right / pictures
    drawn = np.random.default_rng(seed).binomial(pictures, value, size=resamples) / pictures
    return Interval(value, *_percentiles(drawn, level), level)


def mean_iou_difference(
    first: Counts,
    second: Counts,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Difference:
    """How much better the second model is, drawing the same pictures for both.

    Args:
        first: (pictures, 3, num_classes) of one model.
        second: The same of the other, the pictures in the same order.
        resamples: Number of draws.
        level: Share of the draws inside the interval.
        seed: Of the draws.

    Raises:
        ValueError: If there is no picture, or not the same number.
    """
    if first.shape != second.shape:
        raise ValueError(f"counts of shapes {first.shape} and {second.shape} cannot be paired")
    ours, theirs = (_resampled_mean_iou(counts, resamples, seed) for counts in (first, second))
    drawn = theirs - ours
    value = float(mean_iou_of(second.sum(0)) - mean_iou_of(first.sum(0)))
    # One is added to each so that no finite number of draws claims a probability of 0.
    below, above = (int((side <= 0).sum()) + 1 for side in (drawn, -drawn))
    p_value = min(1.0, 2 * min(below, above) / (resamples + 1))
    return Difference(Interval(value, *_percentiles(drawn, level), level), p_value)


def _resampled_mean_iou(counts: Counts, resamples: int, seed: int) -> NDArray[np.float64]:
    """Mean IoU of each draw, (resamples,)."""
    pictures = len(counts)
    if not pictures:
        raise ValueError("there are no pictures to draw from")
    random = np.random.default_rng(seed)
    # Whole numbers below 2^53: sums of them in float64 are exact.
    flat = counts.reshape(pictures, -1).astype(np.float64)
    scores = []
    for start in range(0, resamples, _AT_A_TIME):
        draws = min(_AT_A_TIME, resamples - start)
        times = random.multinomial(pictures, np.full(pictures, 1 / pictures), size=draws)
        summed = times.astype(np.float64) @ flat
        scores.append(mean_iou_of(summed.reshape(draws, *counts.shape[1:])))
    return np.concatenate(scores)


def _percentiles(drawn: NDArray[np.float64], level: float) -> tuple[float, float]:
    tail = (1 - level) / 2
    # Draws of pictures without a labelled pixel have no score.
    scored = drawn[~np.isnan(drawn)]
    low, high = np.quantile(scored, (tail, 1 - tail)) if scored.size else (np.nan, np.nan)
    return float(low), float(high)
