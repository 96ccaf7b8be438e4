"""Class names, colours and the value of pixels without a class."""

import pytest

from atrous.data.camvid import CAMVID
from atrous.errors import ConfigError
from atrous.labels import ADE20K, LabelSet, as_palette, distinct_palette, numbered_label_set

RED, BLUE = (255, 0, 0), (0, 0, 255)


def test_a_label_set_counts_its_names_and_not_the_ignored():
    assert LabelSet(("sky", "road"), (RED, BLUE)).num_classes == 2


@pytest.mark.parametrize(
    ("names", "palette", "ignore_index", "message"),
    [
        ((), (), 255, "needs at least one class name"),
        (("sky", "road"), (RED,), 255, "2 class names but 1 palette colours"),
        (("sky", "sky"), (RED, BLUE), 255, "class names must differ; repeated: sky"),
        (("sky", "road"), (RED, BLUE), 1, "ignore_index 1 is also the index of class 'road'"),
        (("sky",), ((0, 0, 256),), 255, "three numbers from 0 to 255"),
        (("sky",), ((0, -1, 0),), 255, "three numbers from 0 to 255"),
    ],
    ids=["empty", "colours", "repeated", "ignored", "too bright", "negative"],
)
def test_a_label_set_that_contradicts_itself_is_refused(names, palette, ignore_index, message):
    with pytest.raises(ConfigError, match=message):
        LabelSet(names, palette, ignore_index)


@pytest.mark.parametrize("ignore_index", [-1, 2, 255, 65_535])
def test_any_value_that_is_no_class_may_be_ignored(ignore_index):
    assert LabelSet(("sky", "road"), (RED, BLUE), ignore_index).ignore_index == ignore_index


def test_numbered_classes_are_named_by_their_index():
    label_set = numbered_label_set(3, ignore_index=7)

    assert label_set.names == ("class 0", "class 1", "class 2")
    assert label_set.ignore_index == 7


@pytest.mark.parametrize("count", [2, 21, 150])
def test_the_colours_of_a_palette_differ(count):
    palette = distinct_palette(count)

    assert len(set(palette)) == count
    assert all(0 <= value <= 255 for color in palette for value in color)


def test_a_longer_palette_begins_with_the_shorter_one():
    assert distinct_palette(20)[:5] == distinct_palette(5)


def test_lists_become_a_palette():
    assert as_palette([[255, 0, 0], (0, 0, 255)]) == (RED, BLUE)


@pytest.mark.parametrize("color", [[1, 2], [1, 2, 3, 4], []])
def test_a_colour_of_other_than_three_numbers_is_refused(color):
    with pytest.raises(ConfigError, match="three numbers"):
        as_palette([color])


def test_camvid_has_the_11_classes_of_its_tutorial_and_ignores_the_next_value():
    assert CAMVID.num_classes == 11
    assert CAMVID.ignore_index == 11


def test_ade20k_has_150_classes_behind_the_one_that_is_never_learned():
    assert ADE20K.num_classes == 151
    assert ADE20K.names[:3] == ("other", "wall", "building")
    assert ADE20K.names[-1] == "flag"
    assert all(name == name.strip() and "\n" not in name for name in ADE20K.names)
