"""A dataset's files, also those that fit nothing."""

import os

import pytest

from atrous.data.doctor.listing import list_dataset
from atrous.errors import ConfigError, DatasetError
from data.broken_datasets import describe, first, write_dataset


@pytest.fixture
def root(tmp_path):
    return write_dataset(tmp_path / "set")


def test_pairs_are_listed_by_split_with_what_the_layout_was_known_by(root):
    listing = list_dataset(root)

    assert (listing.layout, listing.reason) == ("paired", "train/images beside train/masks")
    assert [(e.split, e.name) for e in listing.entries] == [
        *(("train", f"p{seed}") for seed in range(6)),
        *(("val", f"p{seed}") for seed in range(6, 9)),
    ]


def test_a_split_of_another_name_is_known_as_val(root):
    (root / "val").rename(root / "validation")

    listing = list_dataset(root)

    assert listing.splits == ("train", "val")
    assert listing.findings == ()


def test_a_split_that_is_none_of_the_usual_is_left_out_and_named(root):
    for folder in ("images", "masks"):
        (root / "extra" / folder).mkdir(parents=True)

    assert list_dataset(root).left_out == ("extra",)


def test_classes_and_mappings_are_those_of_the_description(root):
    describe(root, 'names = ["a", "b"]\nignore = 9\n[label_map]\n7 = "b"')

    listing = list_dataset(root)

    assert listing.label_set.names == ("a", "b")
    assert listing.values == {7: 1}


def test_a_dataset_that_names_no_classes_has_none(tmp_path):
    assert list_dataset(write_dataset(tmp_path / "set", named=False)).label_set is None


def test_a_wrong_description_stops_the_rest_and_says_so(root):
    describe(root, 'nams = ["a"]')

    (finding,) = list_dataset(root).findings

    assert finding.kind == "bad_description"
    assert "did you mean 'names'?" in finding.what
    assert "nothing else is checked" in finding.what


def test_findings_name_places_below_the_root(root):
    first(root).unlink()

    (finding,) = list_dataset(root).findings

    assert finding.where == "train/images/p0.png"
    assert str(root) not in finding.what


@pytest.mark.skipif(os.name == "nt", reason="such names cannot be written")
def test_a_name_that_is_no_text_is_listed(root):
    for folder in ("images", "masks"):
        path = root / "train" / folder / "p0.png"
        path.rename(os.fsdecode(os.fsencode(path.parent) + b"/\xff.png"))

    entry = next(e for e in list_dataset(root).entries if e.name not in {f"p{n}" for n in range(9)})

    assert list_dataset(root).below(entry.image.path) == r"train/images/\udcff.png"


def test_names_that_differ_in_case_alone_are_told(root):
    for folder in ("images", "masks"):
        path = root / "train" / folder / "p0.png"
        path.with_name("P0.png").write_bytes(path.read_bytes())
    if len(list((root / "train" / "images").iterdir())) == 6:
        pytest.skip("this file system does not tell cases apart")

    kinds = [(finding.kind, finding.where) for finding in list_dataset(root).findings]

    assert kinds == [
        ("case_clash", "train/images/p0.png"),
        ("case_clash", "train/masks/p0.png"),
    ]


def test_a_folder_of_no_layout_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="no known layout fits"):
        list_dataset(tmp_path)


def test_an_unknown_layout_is_refused(root):
    with pytest.raises(ConfigError, match="unknown layout 'x'"):
        list_dataset(root, layout="x")


def test_camvid_brings_its_own_classes(camvid_like):
    listing = list_dataset(camvid_like)

    assert listing.layout == "camvid"
    assert listing.label_set.num_classes == 11
