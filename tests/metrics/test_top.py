"""Accuracy of whole pictures."""

import numpy as np
import pytest

from atrous.metrics.top import TopAccuracy


def test_it_is_the_share_that_sorting_each_row_finds():
    random = np.random.default_rng(0)
    scores, labels = random.normal(size=(50, 12)), random.integers(0, 12, 50)
    top = TopAccuracy()

    top.update(scores, labels)

    ranked = [sorted(range(12), key=lambda k: -row[k]) for row in scores]
    for count, found in ((1, top.top1), (5, top.top5)):
        right = [label in row[:count] for row, label in zip(ranked, labels, strict=True)]
        assert found == pytest.approx(np.mean(right))


def test_parts_add_up_to_the_whole():
    random = np.random.default_rng(1)
    scores, labels = random.normal(size=(20, 7)), random.integers(0, 7, 20)
    whole, first, second = TopAccuracy(), TopAccuracy(), TopAccuracy()

    whole.update(scores, labels)
    first.update(scores[:13], labels[:13])
    second.update(scores[13:], labels[13:])
    first.merge(second)

    assert (first.top1, first.top5, first.pictures) == (whole.top1, whole.top5, 20)


def test_five_of_fewer_classes_are_all():
    top = TopAccuracy()
    top.update(np.array([[0.0, 1.0, 2.0]]), np.array([0]))

    assert (top.top1, top.top5) == (0.0, 1.0)


def test_a_network_of_nan_is_not_right_by_accident():
    top = TopAccuracy()
    top.update(np.full((3, 10), np.nan), np.array([7, 8, 9]))

    assert (top.top1, top.top5) == (0.0, 0.0)


def test_nothing_seen_is_no_number():
    assert np.isnan(TopAccuracy().top1)
