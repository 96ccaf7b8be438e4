"""Mended copies and descriptions."""

import tomllib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from atrous.data.detect import open_split
from atrous.data.doctor import check_dataset
from atrous.data.doctor.mend import describe_as_toml, left_out, write_copy, write_proposal
from atrous.data.doctor.proposal import Proposal
from atrous.data.sample import read_pair
from atrous.errors import ResourceError
from atrous.labels import LabelSet, distinct_palette
from data.broken_datasets import FAULTS, draw_labels, write_dataset


def broken(tmp_path, name):
    root = write_dataset(tmp_path / "set", named=FAULTS[name].named)
    FAULTS[name].break_it(root)
    return root


def drawn(name):
    """What was drawn for a pair called ``p3``."""
    return draw_labels(int(name[1:]))


EXACT = [
    *("colours", "transparent colours", "indices three times", "labels of floats"),
    *("labels of 16 bits", "greys", "greys with names", "from 1 on", "from 1 on with names"),
]


@pytest.mark.parametrize("name", EXACT)
def test_mended_labels_are_those_that_were_drawn(tmp_path, name):
    list(write_copy(check_dataset(broken(tmp_path, name)), tmp_path / "mended"))

    paths = sorted((tmp_path / "mended").glob("*/masks/*.png"))
    assert len(paths) == 9
    for path in paths:
        np.testing.assert_array_equal(np.array(Image.open(path)), drawn(path.stem))


@pytest.mark.parametrize("name", ["masks as JPEG", "0 and 255", "smoothed masks"])
def test_mended_masks_of_two_classes_are_nearly_those_that_were_drawn(tmp_path, name):
    list(write_copy(check_dataset(broken(tmp_path, name)), tmp_path / "mended"))

    for path in (tmp_path / "mended").glob("*/masks/*.png"):
        # What smoothing moved by up to a pixel cannot be brought back.
        assert (np.array(Image.open(path)) == (drawn(path.stem) > 0)).mean() > 0.97


@pytest.mark.parametrize("name", ["smoothed colours", "colours as JPEG"])
def test_mended_colours_are_nearly_those_that_were_drawn(tmp_path, name):
    list(write_copy(check_dataset(broken(tmp_path, name)), tmp_path / "mended"))

    for path in (tmp_path / "mended").glob("*/masks/*.png"):
        # As above; a mixture of black and red also lies near the third colour here and there.
        assert (np.array(Image.open(path)) == drawn(path.stem)).mean() > 0.93


def test_labels_are_turned_as_the_tag_turns_their_picture(tmp_path):
    list(
        write_copy(
            check_dataset(broken(tmp_path, "labels that EXIF does not turn")), tmp_path / "m"
        )
    )

    mended = np.array(Image.open(tmp_path / "m" / "train" / "masks" / "p0.png"))
    # Orientation 6 is shown by turning a quarter clockwise.
    np.testing.assert_array_equal(mended, np.rot90(draw_labels(0), -1))


BY_TOML = [
    *("0 and 255", "0 and 255 with names", "greys", "greys with names", "from 1 on", "gaps"),
    *("from 1 on with names", "names without background", "an index without name", "colours"),
    *("an index past 255", "smoothed masks", "smoothed colours"),
]


@pytest.mark.parametrize("name", BY_TOML)
def test_the_proposed_description_repairs_the_dataset_where_it_is(tmp_path, name):
    root = broken(tmp_path, name)
    write_proposal(check_dataset(root), tmp_path / "proposed.toml")

    (root / "dataset.toml").write_bytes((tmp_path / "proposed.toml").read_bytes())

    checked = check_dataset(root)
    assert checked.findings == ()
    assert not checked.proposal.changes
    split = open_split(root, "train")
    for pair in split.pairs:
        read_pair(pair, split.label_set)


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=6, unique=True))
def test_any_names_are_read_back_from_a_description(names):
    label_set = LabelSet(tuple(names), distinct_palette(len(names)))

    text = describe_as_toml(Proposal(label_set, values={7: 0, 9: 255}))

    assert tomllib.loads(text) == {
        "names": names,
        "ignore": 255,
        "palette": [list(color) for color in label_set.palette],
        "label_map": {"7": 0, "9": 255},
    }


def test_a_pair_that_cannot_be_mended_is_left_out_with_its_reason(tmp_path):
    copied = list(write_copy(check_dataset(broken(tmp_path, "labels cut in half")), tmp_path / "m"))

    assert left_out(copied).keys() == {"train/p0"}
    assert "truncated" in left_out(copied)["train/p0"]


def test_pictures_are_copied_byte_for_byte_and_the_dataset_stays_as_it_is(tmp_path):
    root = broken(tmp_path, "0 and 255")
    before = {path: path.read_bytes() for path in root.rglob("*.png")}

    list(write_copy(check_dataset(root), tmp_path / "mended"))

    assert {path: path.read_bytes() for path in root.rglob("*.png")} == before
    for path in root.glob("*/images/*.png"):
        copied = tmp_path / "mended" / path.relative_to(root)
        assert copied.read_bytes() == before[path]


@pytest.mark.parametrize("place", ["set", "set/inside"])
def test_a_copy_is_never_written_over_or_into_the_dataset(tmp_path, place):
    report = check_dataset(write_dataset(tmp_path / "set"))

    with pytest.raises(ResourceError, match=r"is there already|lies inside the dataset"):
        list(write_copy(report, tmp_path / place))


def test_a_description_is_never_written_over(tmp_path):
    root = write_dataset(tmp_path / "set")

    with pytest.raises(ResourceError, match="is there already"):
        write_proposal(check_dataset(root), root / "dataset.toml")


@pytest.mark.parametrize("name", ["masks as JPEG", "colours as JPEG"])
def test_that_a_description_is_not_enough_is_said_in_it(tmp_path, name):
    write_proposal(check_dataset(broken(tmp_path, name)), tmp_path / "proposed.toml")

    assert "only a mended copy can be read" in (tmp_path / "proposed.toml").read_text()
