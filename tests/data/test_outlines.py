"""Outlines and run lengths, against their definitions."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atrous.data.outlines import DrawnLabels, Outline, coco_counts, fill, ring_of, runs_of
from atrous.errors import DatasetError

points = st.tuples(st.integers(-8, 24), st.integers(-8, 24)).map(
    # Corners a quarter of a pixel off, so that no edge runs through the centre of a pixel.
    lambda point: (point[0] + 0.25, point[1] + 0.25)
)


def naive_fill(ring: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pixels from whose centre a ray to the right crosses the ring an odd number of times."""
    inside = np.zeros(size, bool)
    for y, x in np.ndindex(*size):
        for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            if (y0 <= y + 0.5) != (y1 <= y + 0.5):
                crossing = x0 + (y + 0.5 - y0) * (x1 - x0) / (y1 - y0)
                inside[y, x] ^= x + 0.5 > crossing
    return inside


@settings(max_examples=60, deadline=None)
@given(st.lists(points, min_size=3, max_size=7))
def test_a_ring_covers_the_pixels_of_the_definition(corners):
    ring, labels = np.array(corners), np.zeros((9, 13), np.uint8)

    fill(labels, ring, 5)

    # A crossing may fall on a centre itself, where rounding decides: such pixels are left out.
    expected = naive_fill(ring, labels.shape)
    left, right = (naive_fill(ring + np.array([0, shift]), labels.shape) for shift in (-1e-9, 1e-9))
    sure = left == right
    np.testing.assert_array_equal(labels[sure] == 5, expected[sure])


def test_outlines_that_share_an_edge_share_no_pixel_and_leave_none():
    labels = np.zeros((10, 10), np.uint8)
    corners = [(0, 0), (10, 0), (10, 10), (0, 10)]

    counts = []
    for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
        part = np.zeros_like(labels)
        fill(part, np.array([start, end, (4.3, 5.9)], float), 1)
        counts.append(part)

    assert (np.sum(counts, axis=0) == 1).all()


def test_a_later_shape_lies_over_an_earlier_one():
    shapes = tuple(
        Outline(index, (ring_of([(0, 0), (side, 0), (side, side), (0, side)], "here"),))
        for index, side in ((1, 4), (2, 2))
    )

    drawn = DrawnLabels(Path("a.json"), shapes, background=0).read((4, 5))

    np.testing.assert_array_equal(
        drawn, [[2, 2, 1, 1, 0], [2, 2, 1, 1, 0], [1, 1, 1, 1, 0], [1, 1, 1, 1, 0]]
    )


def test_outlines_for_another_size_are_refused_with_both():
    drawn = DrawnLabels(Path("a.json"), (), background=0, stated_size=(4, 6))

    with pytest.raises(DatasetError, match="drawn on 6 x 4, the picture is 4 x 6; the picture may"):
        drawn.read((6, 4))


@pytest.mark.parametrize(
    "corners",
    [[(0, 0), (1, 1)], [], [(0, 0), (1, float("nan")), (2, 2)], [(0, 0), (1e9, 1), (2, 2)]],
)
def test_outlines_that_are_none_are_refused(corners):
    with pytest.raises(DatasetError, match=r"^x: (an outline needs|has a point)"):
        ring_of(corners, "x")


def test_an_outline_that_crosses_too_many_columns_is_refused_before_memory_is_taken():
    zigzag = np.array([(0, 0), (1e6, 1)] * 20_000, float)

    with pytest.raises(DatasetError, match=r"crosses .* columns"):
        fill(np.zeros((2, 5000), np.uint8), zigzag, 1)


def coco_text(counts: list[int]) -> str:
    """Run lengths as COCO writes them, by its description."""
    text = ""
    for place, count in enumerate(counts):
        value = count - counts[place - 2] if place > 2 else count
        while True:
            bits, value = value & 31, value >> 5
            done = value == (-1 if bits & 16 else 0)
            text += chr(bits + (0 if done else 32) + 48)
            if done:
                break
    return text


@given(st.lists(st.integers(0, 10**6), max_size=12))
def test_run_lengths_come_back_from_the_text_of_coco(counts):
    assert coco_counts(coco_text(counts), "x") == counts


def test_a_text_of_the_reference_implementation_is_read():
    # Written by pycocotools 2.0.
    assert coco_counts("61X13mN000`0", "x") == [6, 1, 40, 4, 5, 4, 5, 4, 21]


@pytest.mark.parametrize("by_columns", [True, False])
def test_runs_cover_what_they_say(by_columns):
    mask = np.random.default_rng(0).random((5, 4)) < 0.5
    flat = mask.ravel(order="F" if by_columns else "C")
    changes = np.flatnonzero(np.diff(np.r_[False, flat, not flat[-1]]))
    counts = np.diff(np.r_[0, changes]).tolist()

    runs = runs_of(3, counts, box=(2, -1, 5, 4), by_columns=by_columns, where="x")
    labels = np.zeros((6, 8), np.uint8)
    runs.paint(labels)

    expected = np.zeros_like(labels)
    expected[2:6, 0:3] = np.where(mask, 3, 0)[:4, 1:]
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("counts", [[3], [-1, 21], [10**9, 10**9], ["a"], [[20]]])
def test_runs_that_do_not_fill_their_box_are_refused(counts):
    with pytest.raises(DatasetError, match="do not fill 4 x 5"):
        runs_of(1, counts, box=(0, 0, 5, 4), by_columns=True, where="x")
