"""Colours that stand for classes, and those that smoothing left between them."""

import numpy as np
import pytest
from PIL import Image

from atrous.data.doctor.colors import (
    classes_from_colors,
    clustered_colors,
    is_blend,
    main_colors,
    nearest,
    recognize,
)
from atrous.labels import CITYSCAPES, VOC

RED, BLUE, BLACK = (200, 0, 0), (0, 0, 200), (0, 0, 0)


def counts_of(image):
    colors, counts = np.unique(np.asarray(image).reshape(-1, 3), axis=0, return_counts=True)
    return dict(zip(map(tuple, colors.tolist()), counts.tolist(), strict=True))


def quarters():
    """A picture of four colours, of which the fourth is half way between two others."""
    pixels = np.zeros((200, 200, 3), np.uint8)
    pixels[:100, 100:], pixels[100:, :100], pixels[100:, 100:] = RED, BLUE, (100, 0, 100)
    return Image.fromarray(pixels)


def test_a_frequent_colour_between_two_others_is_a_class():
    assert set(main_colors(counts_of(quarters()))) == {BLACK, RED, BLUE, (100, 0, 100)}


def test_colours_of_smoothed_edges_are_no_classes():
    smoothed = quarters().resize((131, 131), Image.Resampling.BILINEAR)

    assert len(counts_of(smoothed)) > 4
    assert set(main_colors(counts_of(smoothed))) == {BLACK, RED, BLUE, (100, 0, 100)}


def test_colours_scattered_by_jpeg_are_gathered(tmp_path):
    quarters().save(tmp_path / "q.jpg", quality=60)
    found = clustered_colors(counts_of(Image.open(tmp_path / "q.jpg")))

    wanted = {BLACK, RED, BLUE, (100, 0, 100)}
    assert len(found) == 4
    assert {nearest(color, sorted(wanted)) for color in found} == wanted


@pytest.mark.parametrize(
    ("color", "blend"),
    [((100, 0, 0), True), ((205, 5, 5), True), ((0, 200, 0), False), ((100, 0, 100), True)],
)
def test_a_blend_lies_beside_a_parent_or_between_two(color, blend):
    assert is_blend(color, [BLACK, RED, BLUE]) is blend


@pytest.mark.parametrize(("name", "label_set"), [("PASCAL VOC", VOC), ("Cityscapes", CITYSCAPES)])
def test_known_palettes_are_recognized(name, label_set):
    counts = dict.fromkeys(label_set.palette[2:9], 100) | {(1, 2, 3): 5, (224, 224, 192): 900}

    assert recognize(counts) == (name, label_set)


def test_colours_of_no_known_palette_are_not_recognized():
    assert recognize({BLACK: 100, RED: 100, BLUE: 100}) is None


def test_the_border_colour_of_voc_is_no_class():
    assert classes_from_colors([RED, (224, 224, 192), BLACK]).palette == (BLACK, RED)
