"""Steps that smoothing leaves between indices."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from atrous.data.doctor.borders import find_borders, smoothed_values
from data.broken_datasets import draw_labels

maps = arrays(
    np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 5)
)


@given(maps)
def test_borders_are_those_of_the_definition(labels):
    sharp, steps, bands = 0, {}, 0
    for row in labels.tolist():
        sharp += sum(abs(a - b) >= 2 for a, b in pairwise(row))
        starts = [x for x in range(len(row)) if x == 0 or row[x] != row[x - 1]]
        for start, end in pairwise(starts[1:]):
            low, high = sorted((row[start - 1], row[end]))
            if end - start <= 4 and low < row[start] < high:
                steps[row[start]] = steps.get(row[start], 0) + end - start
                bands += 1

    found = find_borders(labels)

    assert (found.sharp, found.steps, found.bands) == (sharp, steps, bands)


def smoothed(labels):
    return smoothed_values(find_borders(labels))


def boxes(high):
    return np.where(draw_labels(0) > 0, high, 0).astype(np.uint8)


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.3, 2, 4])
def test_maps_resized_with_smoothing_are_known_by_the_values_between(factor):
    labels = cv2.resize(boxes(9).repeat(4, 0).repeat(4, 1), None, fx=3.9, fy=3.9)

    resized = cv2.resize(labels, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)

    assert set(smoothed(resized)) & set(range(1, 9))


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.3, 2, 4])
def test_maps_resized_to_the_nearest_pixel_are_not(factor):
    labels = cv2.resize(
        draw_labels(0) * 4, None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST
    )

    assert smoothed(labels) == []


def test_a_class_of_outlines_between_inside_and_outside_is_no_fault():
    inside = boxes(1)
    outlines = cv2.dilate(inside, np.ones((5, 5), np.uint8)) + inside

    assert set(np.unique(outlines)) == {0, 1, 2}
    assert smoothed(outlines) == []


def test_the_threshold_lies_between_true_maps_of_camvid_and_smoothed_ones(camvid_root):
    paths = sorted(camvid_root.glob("*annot/*.png"))[::24]
    maps = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in paths]
    halves = [cv2.resize(m, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_LINEAR) for m in maps]

    assert not any(smoothed(labels) for labels in maps)
    assert all(smoothed(labels) for labels in halves)
