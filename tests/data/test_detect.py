"""Which layout a folder has."""

import pytest
from PIL import Image

from atrous.data.detect import detect_layout, list_split, open_split, open_unlabelled, splits_of
from atrous.data.sample import read_pair
from atrous.errors import ConfigError, DatasetError


@pytest.mark.parametrize("layout", ["auto", "camvid"])
def test_camvid_is_known_by_its_folders(camvid_like, layout):
    assert open_split(camvid_like, "val", layout=layout).layout == "camvid"


@pytest.mark.parametrize("layout", ["auto", "paired"])
def test_paired_folders_are_known_by_theirs(tmp_path, layout):
    for folder, value in (("images", 0), ("masks", 1)):
        (tmp_path / "train" / folder).mkdir(parents=True)
        Image.new("L", (4, 4), value).save(tmp_path / "train" / folder / "a.png")

    assert open_split(tmp_path, "train", layout=layout).layout == "paired"


def test_the_reason_of_a_layout_is_said(camvid_like):
    assert detect_layout(camvid_like) == ("camvid", "folders train and trainannot")
    assert splits_of(camvid_like) == ("train", "val")


def test_names_of_the_users_own_win_over_those_of_camvid(camvid_like):
    (camvid_like / "dataset.toml").write_text(f"names = {[str(i) for i in range(11)]}\nignore = 11")

    opened = open_split(camvid_like, "train")

    assert opened.layout == "paired"
    assert opened.label_set.names[:2] == ("0", "1")


def test_a_folder_that_fits_no_layout_is_told_what_each_one_looks_like(tmp_path):
    (tmp_path / "stuff").mkdir()

    with pytest.raises(
        DatasetError,
        match=r"(?s)which holds stuff\. Simplest .*known are\n  camvid: folders .*\n  paired: ima",
    ):
        open_split(tmp_path, "train")


def test_an_unknown_layout_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(ConfigError, match="unknown layout 'cmavid'; known: auto, camvid, "):
        open_split(tmp_path, "train", layout="cmavid")


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="no: no such folder"):
        open_split(tmp_path / "no", "train")


@pytest.mark.parametrize("folder", ["valid", "validation", "dev"])
def test_val_is_found_under_its_other_names(camvid_like, folder):
    (camvid_like / "dataset.toml").write_text(f"names = {[str(i) for i in range(11)]}\nignore = 11")
    (camvid_like / "val").rename(camvid_like / folder)
    (camvid_like / "valannot").rename(camvid_like / f"{folder}annot")

    assert open_split(camvid_like, "val").name == folder


def test_a_split_without_any_labels_may_be_opened_as_ignored_pixels(camvid_like):
    for path in (camvid_like / "valannot").iterdir():
        path.unlink()
    opened = open_unlabelled(camvid_like, "val")

    samples = [read_pair(pair, opened.label_set) for pair in opened.pairs]
    assert [sample.name for sample in samples] == ["p0", "p1", "p2", "p3"]
    assert all((sample.labels == 11).all() for sample in samples)


def test_a_split_with_some_labels_is_never_taken_for_one_without(camvid_like):
    (camvid_like / "valannot" / "p2.png").unlink()

    with pytest.raises(DatasetError, match=r"p2\.png: has no labels"):
        open_unlabelled(camvid_like, "val")
    assert len(open_unlabelled(camvid_like, "train").pairs) == 4


def test_a_listing_names_every_file_without_a_partner(camvid_like):
    (camvid_like / "train" / "p0.png").unlink()
    (camvid_like / "trainannot" / "p2.png").unlink()
    (camvid_like / "train" / "p1.jpg").write_bytes((camvid_like / "train" / "p1.png").read_bytes())

    listing = list_split(camvid_like, "train")

    assert [pair.name for pair in listing.pairs] == ["p1", "p3"]
    assert {(fault.kind, fault.path.name) for fault in listing.faults} == {
        ("no picture", "p0.png"),
        ("no labels", "p2.png"),
        ("same name", "p1.png"),
    }


def test_a_missing_val_is_answered_with_the_command_that_deals_one(tmp_path):
    for folder in ("images", "masks"):
        (tmp_path / "train" / folder).mkdir(parents=True)

    with pytest.raises(
        DatasetError, match=f"it has train. To deal .*: atrous data split {tmp_path}"
    ):
        open_split(tmp_path, "val")


def test_splits_joined_by_a_plus_are_one(camvid_like):
    parts = [open_split(camvid_like, name) for name in ("train", "val")]

    joined = open_split(camvid_like, "train+val")

    assert joined.pairs == (*parts[0].pairs, *parts[1].pairs)
    assert joined.name == "train+val"


def test_a_split_is_not_joined_with_itself(camvid_like):
    with pytest.raises(DatasetError, match=r"'train\+train' names a split twice"):
        open_split(camvid_like, "train+train")


def test_each_part_of_a_joined_split_must_be_there(camvid_like):
    with pytest.raises(DatasetError, match="no split 'other'"):
        open_split(camvid_like, "train+other")
