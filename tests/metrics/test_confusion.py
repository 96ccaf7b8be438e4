"""The confusion matrix against its definition, and at its edges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atrous.metrics.confusion import ConfusionMatrix

CLASSES, IGNORED = 4, 255
label_maps = st.lists(
    st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1) | st.just(IGNORED)),
    min_size=1,
    max_size=60,
)


def matrix_of(*pairs: tuple[list[int], list[int]], num_classes: int = CLASSES) -> ConfusionMatrix:
    matrix = ConfusionMatrix(num_classes, ignore_index=IGNORED)
    for predicted, labels in pairs:
        matrix.update(np.array(predicted, np.uint8), np.array(labels, np.uint8))
    return matrix


@given(label_maps)
def test_iou_is_the_one_of_the_definition(pairs):
    predicted, labels = zip(*pairs, strict=True)
    iou = matrix_of((predicted, labels)).iou()

    for class_index in range(CLASSES):
        seen = [(p == class_index, t == class_index) for p, t in pairs if t != IGNORED]
        union = sum(p or t for p, t in seen)
        expected = sum(p and t for p, t in seen) / union if union else float("nan")
        assert iou[class_index] == pytest.approx(expected, nan_ok=True)


@given(label_maps)
def test_pixel_accuracy_is_the_one_of_the_definition(pairs):
    predicted, labels = zip(*pairs, strict=True)
    right = [p == t for p, t in pairs if t != IGNORED]

    expected = sum(right) / len(right) if right else float("nan")
    found = matrix_of((predicted, labels)).pixel_accuracy()
    assert found == pytest.approx(expected, nan_ok=True)


@given(label_maps)
def test_rows_are_true_classes_and_columns_predicted_ones(pairs):
    predicted, labels = zip(*pairs, strict=True)
    naive = np.zeros((CLASSES, CLASSES), int)
    for p, t in pairs:
        if t != IGNORED:
            naive[t, p] += 1

    np.testing.assert_array_equal(matrix_of((predicted, labels)).counts, naive)


@given(label_maps, st.integers(0, 60))
def test_several_updates_add_up_to_one(pairs, cut):
    predicted, labels = map(list, zip(*pairs, strict=True))
    parts = (predicted[:cut], labels[:cut]), (predicted[cut:], labels[cut:])

    whole = matrix_of((predicted, labels))
    np.testing.assert_array_equal(matrix_of(*parts).counts, whole.counts)


def test_a_class_that_is_neither_there_nor_predicted_does_not_count():
    matrix = matrix_of(([0, 1, 1], [0, 1, 0]))

    assert np.isnan(matrix.iou()[2:]).all()
    assert matrix.mean_iou() == pytest.approx(0.5)


def test_a_class_that_is_only_predicted_counts_as_zero():
    matrix = matrix_of(([0, 0, 2], [0, 0, 0]))

    assert matrix.iou()[2] == 0
    assert matrix.mean_iou() == pytest.approx((2 / 3 + 0) / 2)


def test_a_class_that_is_only_predicted_where_labels_are_ignored_does_not_count():
    assert matrix_of(([0, 2], [0, IGNORED])).mean_iou() == 1


def test_the_mean_is_taken_once_over_all_pixels_and_not_over_pictures():
    matrix = matrix_of(([0, 0, 0, 0], [0, 0, 0, 1]), ([1], [1]))

    assert matrix.mean_iou() == pytest.approx((3 / 4 + 1 / 2) / 2)


def test_without_a_labelled_pixel_there_is_no_score():
    matrix = matrix_of(([0, 1], [IGNORED, IGNORED]))

    assert np.isnan(matrix.mean_iou())
    assert np.isnan(matrix.pixel_accuracy())


def test_an_ignored_value_may_be_the_next_after_the_classes():
    matrix = ConfusionMatrix(2, ignore_index=2)
    matrix.update(np.array([[0, 1, 1]]), np.array([[0, 1, 2]]))

    assert matrix.counts.tolist() == [[1, 0], [0, 1]]


def test_more_classes_than_a_byte_holds_are_counted_apart():
    matrix = ConfusionMatrix(400, ignore_index=65_535)
    matrix.update(np.array([399, 0, 7], np.uint16), np.array([399, 0, 65_535], np.uint16))

    assert matrix.counts[399, 399] == 1
    assert matrix.counts.sum() == 2


def test_shapes_that_differ_are_named():
    with pytest.raises(ValueError, match=r"predicted has shape \(2, 3\), labels \(3, 2\)"):
        ConfusionMatrix(2).update(np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8))


@pytest.mark.parametrize(
    ("predicted", "labels", "message"),
    [
        ([0, 0], [0, 4], "labels hold the value 4; expected 0 to 3, or 255"),
        ([0, 9], [0, 0], "predicted hold the value 9; expected 0 to 3"),
        ([255, 0], [0, 0], "predicted hold the value 255"),
        ([3, 0], [-1, 0], "labels hold the value -1"),
    ],
)
def test_values_that_are_no_class_are_refused_and_not_counted(predicted, labels, message):
    matrix = ConfusionMatrix(CLASSES)

    with pytest.raises(ValueError, match=message):
        matrix.update(np.array(predicted), np.array(labels))
    assert not matrix.counts.any()
