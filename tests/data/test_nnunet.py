"""nnU-Net's raw data in two dimensions."""

import json
from pathlib import Path

import pytest

from atrous.data.detect import open_split
from atrous.errors import DatasetError
from data.foreign_datasets import written


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return written(tmp_path, "nnunet")


def describe(root: Path, **keys: object) -> None:
    content = json.loads((root / "dataset.json").read_text())
    (root / "dataset.json").write_text(json.dumps(content | keys))


def test_the_first_fold_says_which_pictures_are_val(root):
    assert [pair.name for pair in open_split(root, "val").pairs] == ["d"]


def test_without_folds_a_hash_of_the_names_does(root):
    (root / "splits_final.json").unlink()

    assert [len(open_split(root, split).pairs) for split in ("train", "val")] == [3, 1]


def test_a_label_called_ignore_is_no_class(root):
    describe(root, labels={"background": 0, "car": 1, "ignore": 2})

    label_set = open_split(root, "train").label_set
    assert (label_set.names, label_set.ignore_index) == (("background", "car"), 2)


def test_labels_of_version_1_are_read_the_other_way_round(root):
    describe(root, labels={"0": "background", "1": "car", "2": "person"})

    assert open_split(root, "train").label_set.names == ("background", "car", "person")


def test_channels_that_make_one_rgb_picture_are_taken(root):
    describe(root, channel_names={"0": "R", "1": "G", "2": "B"})

    assert len(open_split(root, "train").pairs) == 3


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"channel_names": {"0": "T1", "1": "T2"}}, r"each picture has 2 channels \(T1, T2\)"),
        ({"file_ending": ".nii.gz"}, r"files of \.nii\.gz are not read; expected PNG or TIFF"),
        ({"labels": {"background": 0, "whole": [1, 2]}}, "'whole' is no single number"),
        ({"labels": {"background": 0, "car": 2}}, "numbered from 0 without a gap"),
        ({"labels": []}, "has no labels"),
    ],
)
def test_what_is_not_read_is_refused_with_its_file(root, keys, message):
    describe(root, **keys)

    with pytest.raises(DatasetError, match=rf"dataset\.json: .*{message}"):
        open_split(root, "train")


def test_folds_that_are_none_are_refused(root):
    (root / "splits_final.json").write_text('[{"train": ["a"]}]')

    with pytest.raises(DatasetError, match=r"splits_final\.json: expected a list of folds"):
        open_split(root, "val")
