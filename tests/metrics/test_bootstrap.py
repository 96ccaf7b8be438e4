"""Intervals by drawing pictures again."""

import numpy as np
import pytest

from atrous.metrics.bootstrap import mean_iou_difference, mean_iou_interval, share_interval
from atrous.metrics.scores import mean_iou_of


def pictures(count=30, *, quality=0.8, seed=0):
    """Counts (count, 3, 2) of two classes whose IoU varies from picture to picture."""
    random = np.random.default_rng(seed)
    labelled = random.integers(50, 150, (count, 2))
    hits = np.round(labelled * np.clip(random.normal(quality, 0.1, (count, 2)), 0, 1)).astype(int)
    return np.stack([hits, labelled, labelled], axis=1)


def test_draws_are_those_of_a_naive_loop():
    counts = pictures(8)
    random = np.random.default_rng(3)
    drawn = []
    for _ in range(300):
        chosen = np.repeat(np.arange(8), random.multinomial(8, np.full(8, 1 / 8)))
        drawn.append(mean_iou_of(sum(counts[index] for index in chosen)))

    found = mean_iou_interval(counts, resamples=300, level=0.9, seed=3)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, (0.05, 0.95))))


def test_the_value_is_that_of_the_set_and_lies_inside():
    found = mean_iou_interval(pictures())

    assert found.value == mean_iou_of(pictures().sum(0))
    assert found.low < found.value < found.high


def test_the_interval_has_the_width_of_the_normal_approximation():
    # With one class of equally large pictures, and all predicted, IoU is a mean over pictures.
    random = np.random.default_rng(0)
    hits = random.binomial(1000, 0.7, 400)
    whole = np.full(400, 1000)
    found = mean_iou_interval(np.stack([hits, whole, hits], axis=1)[:, :, None])

    expected = 2 * 1.96 * (hits / 1000).std() / 20
    # 2000 draws give a quantile to a few hundredths of its distance from the mean.
    assert found.high - found.low == pytest.approx(expected, rel=0.1)


def test_the_same_seed_gives_the_same_interval():
    assert mean_iou_interval(pictures(), seed=5) == mean_iou_interval(pictures(), seed=5)


def test_a_model_does_not_differ_from_itself():
    found = mean_iou_difference(pictures(), pictures())

    assert found.interval.value == found.interval.low == found.interval.high == 0
    assert found.p_value == 1


def test_pairing_sees_a_small_difference_that_single_intervals_hide():
    worse = pictures()
    better = worse + np.array([[1], [0], [0]])
    single = mean_iou_interval(worse)
    paired = mean_iou_difference(worse, better)

    assert single.low < mean_iou_interval(better).value < single.high
    assert paired.interval.low > 0
    assert paired.p_value < 0.01


def test_pictures_without_labels_have_no_interval():
    found = mean_iou_interval(np.zeros((2, 3, 4)))

    assert np.isnan([found.value, found.low, found.high]).all()


def test_counts_that_cannot_be_used_are_refused():
    with pytest.raises(ValueError, match="no pictures"):
        mean_iou_interval(np.zeros((0, 3, 2)))
    with pytest.raises(ValueError, match="cannot be paired"):
        mean_iou_difference(pictures(3), pictures(4))


def test_the_interval_of_a_share_is_that_of_drawing_the_pictures_again():
    right = np.arange(80) < 60
    random = np.random.default_rng(1)
    drawn = [random.choice(right, right.size).mean() for _ in range(2000)]

    found = share_interval(60, 80)

    assert found.value == 0.75
    # Both have 2000 draws: percentiles differ by about a picture or two.
    assert (found.low, found.high) == pytest.approx(np.quantile(drawn, (0.025, 0.975)), abs=0.03)


def test_no_pictures_have_no_interval():
    with pytest.raises(ValueError, match="no pictures"):
        share_interval(0, 0)
