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


@given(label_maps)
def test_class_scores_are_those_of_the_definition(pairs):
    matrix = matrix_of(tuple(zip(*pairs, strict=True)))
    kept = [(p, t) for p, t in pairs if t != IGNORED]

    accuracies, dices, weighted = [], [], 0.0
    for c in {value for pair in kept for value in pair}:
        hits = sum(p == t == c for p, t in kept)
        labelled, predicted = sum(t == c for _, t in kept), sum(p == c for p, _ in kept)
        accuracies += [hits / labelled] if labelled else []
        dices.append(2 * hits / (labelled + predicted))
        weighted += labelled / len(kept) * hits / (labelled + predicted - hits)
    if kept:
        assert matrix.mean_class_accuracy() == pytest.approx(np.mean(accuracies))
        assert matrix.mean_dice() == pytest.approx(np.mean(dices))
        assert matrix.frequency_weighted_iou() == pytest.approx(weighted)


@given(label_maps)
def test_void_counted_as_wrong_is_one_more_class_that_is_never_right(pairs):
    predicted, labels = (np.array(values, np.uint8) for values in zip(*pairs, strict=True))
    matrix = ConfusionMatrix(CLASSES, ignore_index=IGNORED, void_is_wrong=True)
    matrix.update(predicted, labels)
    other = ConfusionMatrix(CLASSES + 1, ignore_index=IGNORED)
    other.update(predicted, np.where(labels == IGNORED, CLASSES, labels))

    np.testing.assert_array_equal(matrix.iou(), other.iou()[:CLASSES])
    assert matrix.pixel_accuracy() == other.pixel_accuracy()


@given(label_maps, st.booleans())
def test_bytes_are_counted_as_other_integers_are(pairs, void_is_wrong):
    predicted, labels = zip(*pairs, strict=True)
    matrices = []
    for dtype in (np.uint8, np.int32):
        matrix = ConfusionMatrix(CLASSES, ignore_index=IGNORED, void_is_wrong=void_is_wrong)
        matrix.update(np.array(predicted, dtype), np.array(labels, dtype))
        matrices.append(matrix)

    np.testing.assert_array_equal(matrices[0].counts, matrices[1].counts)
    np.testing.assert_array_equal(matrices[0].void, matrices[1].void)


@given(label_maps, st.integers(0, 60))
def test_merged_matrices_are_that_of_one_process(pairs, cut):
    predicted, labels = map(list, zip(*pairs, strict=True))
    first, second = (
        matrix_of((predicted[part], labels[part])) for part in (slice(cut), slice(cut, None))
    )

    whole = matrix_of((predicted, labels))
    np.testing.assert_array_equal(first.merge(second).counts, whole.counts)


def test_matrices_of_different_conventions_are_not_merged():
    with pytest.raises(ValueError, match="different conventions"):
        ConfusionMatrix(3).merge(ConfusionMatrix(3, void_is_wrong=True))


def test_more_pixels_of_a_pair_than_float32_counts_are_counted_exactly():
    many = 2**24 + 3  # float32 holds 2^24 and 2^24 + 2, and nothing between
    matrix = ConfusionMatrix(2)
    matrix.update(np.zeros(many, np.uint8), np.zeros(many, np.uint8))

    assert matrix.counts[0, 0] == many


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


def test_bytes_that_are_no_class_are_refused_and_not_counted():
    matrix = ConfusionMatrix(CLASSES, void_is_wrong=True)

    for predicted, labels, message in (
        ([0, 0], [0, 4], "labels hold the value 4"),
        ([9, 0], [0, 0], "predicted hold the value 9"),
        ([9, 0], [255, 0], "predicted hold the value 9"),
    ):
        with pytest.raises(ValueError, match=message):
            matrix.update(np.array(predicted, np.uint8), np.array(labels, np.uint8))
    assert not matrix.counts.any()
    assert not matrix.void.any()
