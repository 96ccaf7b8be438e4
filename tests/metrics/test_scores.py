"""Scores from counts, for one set and for many at once."""

import numpy as np
import pytest

from atrous.metrics.scores import class_accuracy_of, dice_of, iou_of, mean_iou_of, ratio

# Class 0: 6 found of 8, 9 predicted. Class 1: nowhere. Class 2: only predicted.
COUNTS = np.array([[6, 0, 0], [8, 0, 0], [9, 0, 3]])


def test_scores_are_those_worked_out_by_hand():
    assert iou_of(COUNTS).tolist() == pytest.approx([6 / 11, np.nan, 0], nan_ok=True)
    assert dice_of(COUNTS).tolist() == pytest.approx([12 / 17, np.nan, 0], nan_ok=True)
    assert class_accuracy_of(COUNTS).tolist() == pytest.approx([6 / 8, np.nan, np.nan], nan_ok=True)
    assert mean_iou_of(COUNTS) == pytest.approx(3 / 11)


def test_many_sets_are_scored_as_each_alone():
    sets = np.random.default_rng(0).integers(0, 4, (5, 3, 7))
    sets[:, 1:] += sets[:, :1]  # no more hits than labelled or predicted

    np.testing.assert_array_equal(iou_of(sets), [iou_of(one) for one in sets])
    np.testing.assert_array_equal(mean_iou_of(sets), [mean_iou_of(one) for one in sets])


def test_dividing_by_nothing_is_no_score_and_no_warning():
    np.testing.assert_array_equal(ratio([1, 0], [2, 0]), [0.5, np.nan])
