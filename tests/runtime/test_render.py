import numpy as np

from atrous.labels import LabelSet
from atrous.runtime.render import (
    RIGHT,
    WRONG,
    color_map,
    draw_legend,
    error_map,
    overlay,
    truth_map,
)

LABELS = LabelSet(("a", "b"), ((255, 0, 0), (0, 0, 255)))


def test_each_pixel_gets_the_color_of_its_class_and_black_without_one():
    colors = color_map(np.array([[0, 1, 255]], np.uint8), LABELS.palette)

    assert colors.tolist() == [[[255, 0, 0], [0, 0, 255], [0, 0, 0]]]


def test_an_overlay_mixes_by_opacity_away_from_edges():
    pixels = np.full((5, 5, 3), 100, np.uint8)
    mask = np.zeros((5, 5), np.uint8)

    mixed = overlay(pixels, mask, LABELS.palette, opacity=0.5)

    np.testing.assert_allclose(mixed[2, 2], [178, 50, 50], atol=1)
    assert (overlay(pixels, mask, LABELS.palette, opacity=0) == pixels).all()


def test_a_line_is_drawn_where_classes_meet():
    mask = np.zeros((4, 6), np.uint8)
    mask[:, 3:] = 1

    mixed = overlay(np.zeros((4, 6, 3), np.uint8), mask, LABELS.palette, opacity=1.0)

    assert (mixed[:, 3] > 120).all()
    assert (mixed[:, 2] == (255, 0, 0)).all()


def test_a_legend_keeps_the_size_and_shows_the_colors():
    pixels = np.full((240, 320, 3), 128, np.uint8)

    drawn = draw_legend(pixels, {"a": 0.75, "b": 0.25}, LABELS)

    assert drawn.shape == pixels.shape
    for color in LABELS.palette:
        assert (drawn == color).all(axis=2).sum() > 20
    assert (drawn[120:] == 128).all()


def test_classes_that_are_absent_are_not_in_the_legend():
    drawn = draw_legend(np.full((240, 320, 3), 128, np.uint8), {"a": 1.0, "b": 0.0}, LABELS)

    assert not (drawn == LABELS.palette[1]).all(axis=2).any()


def test_small_pictures_have_no_room_for_a_legend():
    pixels = np.full((90, 320, 3), 128, np.uint8)

    assert (draw_legend(pixels, {"a": 1.0}, LABELS) == pixels).all()


def test_many_classes_are_cut_to_those_that_fit():
    names = tuple(f"class {index}" for index in range(150))
    many = LabelSet(names, tuple((index, 0, 0) for index in range(150)))

    drawn = draw_legend(np.full((200, 200, 3), 128, np.uint8), dict.fromkeys(names, 1 / 150), many)

    assert drawn.shape == (200, 200, 3)


def test_errors_are_told_from_what_is_right_and_what_is_not_counted():
    labels, predicted = np.array([[0, 1, 255]], np.uint8), np.array([[0, 0, 0]], np.uint8)

    assert error_map(labels, predicted, 255).tolist() == [[list(RIGHT), list(WRONG), [150] * 3]]


def test_ignored_pixels_of_the_truth_are_white():
    palette = ((1, 2, 3), (4, 5, 6))
    painted = truth_map(np.array([[1, 255]], np.uint8), LabelSet(("a", "b"), palette))

    assert painted.tolist() == [[[4, 5, 6], [255, 255, 255]]]
