import numpy as np
import pytest

from atrous.errors import ConfigError
from atrous.labels import LabelSet
from atrous.runtime.result import Segmentation

COLORS = ((0, 0, 0), (9, 0, 0), (0, 9, 0))
MASK = np.array([[0, 1, 1, 2], [0, 1, 1, 2]], np.uint8)


def result(names=("Road", "Car", "Tree"), confidence=None, ignore_index=255):
    labels = LabelSet(names, COLORS, ignore_index)
    return Segmentation(MASK, labels, np.zeros((2, 4, 3), np.uint8), confidence=confidence)


def test_other_classes_become_the_ignore_index_and_have_no_share():
    kept = result().filtered(["Car"])

    assert kept.mask.tolist() == [[255, 1, 1, 255]] * 2
    assert kept.shares == {"Road": 0.0, "Car": 0.5, "Tree": 0.0}


def test_other_classes_become_the_background_where_there_is_one():
    assert (
        result(("background", "Car", "Tree")).filtered(["Car"]).mask.tolist() == [[0, 1, 1, 0]] * 2
    )


def test_an_ignore_index_beyond_8_bits_makes_the_mask_wider():
    assert result(ignore_index=1000).filtered(["Car"]).mask.tolist() == [[1000, 1, 1, 1000]] * 2


def test_names_may_be_typed_in_small_letters():
    assert result().filtered(["tree", "ROAD"]).mask.tolist() == [[0, 255, 255, 2]] * 2


@pytest.mark.parametrize(
    ("name", "hint"), [("cra", "did you mean 'Car'"), ("zzz", "known: Road, Car, Tree")]
)
def test_unknown_classes_are_refused_with_the_nearest(name, hint):
    with pytest.raises(ConfigError, match=hint):
        result().filtered([name])


def test_names_that_differ_by_capitals_alone_are_taken_as_written():
    both = result(("car", "Car", "Tree"))

    assert both.filtered(["car"]).mask.tolist() == [[0, 255, 255, 255]] * 2
    with pytest.raises(ConfigError, match="no class 'CAR'"):
        both.filtered(["CAR"])


def test_unsure_pixels_have_no_class():
    confidence = np.linspace(0, 1, 8, dtype=np.float32).reshape(2, 4)

    assert result(confidence=confidence).filtered(min_confidence=0.5).mask.tolist() == [
        [255] * 4,
        [0, 1, 1, 2],
    ]


def test_a_least_confidence_needs_one():
    with pytest.raises(ConfigError, match="holds no confidence"):
        result().filtered(min_confidence=0.5)


def test_specks_of_what_was_left_out_are_filled():
    assert result().filtered(["Road", "Car"], min_area=3).mask.tolist() == [[1, 1, 1, 1]] * 2


def test_pixels_without_a_class_show_the_picture_in_an_overlay():
    shown = np.asarray(result().filtered(["Car"]).overlay(legend=False))

    assert not shown[:, [0, 3]].any()
    assert shown[:, 1:3].any()


def test_a_cutout_of_some_classes_is_transparent_elsewhere():
    alpha = np.asarray(result().cutout(["car"]))[..., 3]

    assert alpha.tolist() == [[0, 255, 255, 0]] * 2


def test_polygons_of_some_classes_are_theirs_alone():
    assert [one.class_index for one in result().polygons(["Tree", "Road"])] == [0, 2]
