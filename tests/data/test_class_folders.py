"""Pictures in a folder for each class."""

import shutil

import numpy as np
import pytest

from atrous.data.class_folders import open_class_folders
from atrous.data.sample import read_pair
from atrous.errors import DatasetError
from data.class_pictures import COLORS, write_class_folders


@pytest.fixture
def root(tmp_path):
    return write_class_folders(tmp_path / "pictures", pictures=2)


def test_folders_are_classes_in_the_order_of_their_names(root):
    split = open_class_folders(root, "train")

    assert split.label_set.names == tuple(sorted(COLORS))
    assert [pair.name for pair in split.pairs[:3]] == [
        "blue/train_0",
        "blue/train_1",
        "green/train_0",
    ]


def test_a_picture_has_the_class_of_its_folder_everywhere(root):
    split = open_class_folders(root, "train")

    sample = read_pair(split.pairs[-1], split.label_set)

    assert sample.labels.shape == sample.image.shape[:2]
    assert np.unique(sample.labels).tolist() == [2]


def test_another_split_keeps_the_indices_of_the_training_split(root):
    shutil.rmtree(root / "val" / "green")

    split = open_class_folders(root, "val", names=("blue", "green", "red"))

    assert {int(pair.labels.read((1, 1))[0, 0]) for pair in split.pairs} == {0, 2}


def test_val_is_found_by_its_other_names(root):
    (root / "val").rename(root / "validation")

    assert open_class_folders(root, "val").name == "validation"


def test_a_split_that_is_not_there_is_named(root):
    with pytest.raises(DatasetError, match=r"has no folder 'test'; expected a folder for each"):
        open_class_folders(root, "test")


def test_a_class_that_training_has_not_seen_is_refused(root):
    with pytest.raises(DatasetError, match="'red' is no class of the training split"):
        open_class_folders(root, "val", names=("blue", "green"))


def test_one_class_is_too_few(root):
    for name in ("blue", "green"):
        shutil.rmtree(root / "train" / name)

    with pytest.raises(DatasetError, match="1 folders with a class each; expected at least two"):
        open_class_folders(root, "train")


def test_an_empty_folder_of_a_class_is_named(root):
    for path in (root / "train" / "red").iterdir():
        path.unlink()

    with pytest.raises(DatasetError, match=r"red: is the folder of a class, and holds no pictures"):
        open_class_folders(root, "train")


def test_a_link_out_of_the_dataset_is_refused(root, tmp_path):
    shutil.copy(root / "train" / "red" / "train_0.jpg", tmp_path / "outside.jpg")
    (root / "train" / "red" / "link.jpg").symlink_to(tmp_path / "outside.jpg")

    with pytest.raises(DatasetError, match=r"link\.jpg: leads out of"):
        open_class_folders(root, "train")


def test_hidden_folders_are_no_classes(root):
    (root / "train" / ".thumbnails").mkdir()

    assert len(open_class_folders(root, "train").label_set.names) == 3
