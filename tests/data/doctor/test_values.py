"""What is wrong with the numbers in label maps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atrous.data.doctor.values import diagnose_mixed, diagnose_values, main_values
from atrous.labels import numbered_label_set

THREE = numbered_label_set(3)


def counted(*values, each=100):
    return dict.fromkeys(values, each)


@pytest.mark.parametrize(
    ("values", "label_set", "kind", "moved"),
    [
        ((0, 255), None, "binary_255", {255: 1}),
        ((0, 255), numbered_label_set(2), "binary_255", {255: 1}),
        ((0, 128, 255), None, "spread_ids", {128: 1, 255: 2}),
        ((0, 85, 170, 255), None, "spread_ids", {85: 1, 170: 2, 255: 3}),
        ((1, 2, 3, 255), None, "off_by_one", {1: 0, 2: 1, 3: 2}),
        ((1, 2, 3), THREE, "off_by_one", {1: 0, 2: 1, 3: 2}),
        ((0, 1, 9), THREE, "unknown_ids", {9: 255}),
        ((0, 1, 3, 9), THREE, "unknown_ids", {3: 255, 9: 255}),
        ((-1, 0, 1), None, "unknown_ids", {-1: 255}),
        ((0, 7, 26, 255), None, "sparse_ids", {7: 1, 26: 2}),
    ],
)
def test_a_fault_is_named_with_the_mapping_that_mends_it(values, label_set, kind, moved):
    found = diagnose_values(counted(*values), label_set)

    assert (found.kind, dict(found.values)) == (kind, moved)


@pytest.mark.parametrize(
    ("values", "label_set"),
    [
        ((0, 1, 2), None),
        ((0, 1, 2, 255), None),
        ((0, 1, 255), THREE),
        ((0, 2, 3), None),
        ((1, 2), THREE),
        (range(40), None),
        (range(250), None),
    ],
)
def test_values_that_make_sense_are_left_alone(values, label_set):
    assert diagnose_values(counted(*values), label_set) is None


def test_a_zero_that_marks_ignored_pixels_makes_way_for_class_0():
    found = diagnose_values(counted(0, 1, 2, 3), None, ignore_index=0)

    assert (found.kind, dict(found.values)) == ("off_by_one", {0: 255, 1: 0, 2: 1, 3: 2})


def test_one_index_more_than_names_is_taken_for_an_unnamed_background():
    found = diagnose_values(counted(0, 1, 2, 3), THREE)

    assert found.kind == "unnamed_background"
    assert found.names == ("background", *THREE.names)


@pytest.mark.parametrize("values", [(0,), (3,), (255,), (0, 1)])
def test_one_class_alone_is_a_fault_of_two_or_more(values):
    kinds = {getattr(diagnose_values(counted(*values), None), "kind", None)}

    assert kinds == ({"one_class"} if len(values) == 1 else {None})


def test_smoothed_values_go_to_the_nearest_frequent_one():
    rare = dict.fromkeys(range(10, 250, 10), 2)

    found = diagnose_values({0: 5000, 255: 5000} | rare, None)

    assert found.kind == "blended_ids"
    assert {value: found.values[value] for value in (10, 120, 130, 240)} == {
        10: 0,
        120: 0,
        130: 1,
        240: 1,
    }


def test_values_too_close_to_tell_from_smoothing_are_not_guessed_at():
    assert diagnose_values({0: 500, 1: 300, 2: 200}, None, lossy=True) is None


def test_a_main_value_is_the_most_frequent_around():
    assert main_values({0: 900, 3: 50, 200: 800, 203: 700}) == [0, 200]


@given(st.dictionaries(st.integers(-5, 70_000), st.integers(1, 9), max_size=30), st.booleans())
def test_whatever_the_values_the_mapping_leads_to_classes_or_ignore(counts, lossy):
    for label_set in (None, THREE):
        found = diagnose_values(counts, label_set, lossy=lossy)
        if found:
            assert all(0 <= index <= 65_535 for index in found.values.values())


@pytest.mark.parametrize(
    ("maps", "label_set", "found"),
    [
        ([{0, 1}, {0, 255}], None, True),
        ([{0, 1}, {0, 255}, {0}], numbered_label_set(2), True),
        ([{0, 1}, {0, 1, 255}, {0, 255}], None, False),
        ([{0, 1}, {0, 2}, {0, 255}], None, False),
        ([{0, 1}] * 20 + [{0, 255}], None, False),
        ([{0, 1}, {0, 255}], THREE, False),
        ([{0, 255}] * 2, None, False),
    ],
)
def test_mixed_masks_are_told_from_masks_with_ignored_pixels(maps, label_set, found):
    assert (diagnose_mixed(maps, label_set) is not None) == found
