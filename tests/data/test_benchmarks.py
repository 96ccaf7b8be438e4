"""Cityscapes and ADE20K: where files lie, and what their numbers become."""

import numpy as np
import pytest
from PIL import Image

from atrous.data.cityscapes import _TRAIN_IDS
from atrous.data.detect import open_split
from atrous.data.sample import read_pair
from atrous.labels import ADE20K, CITYSCAPES
from data.foreign_datasets import NAMES, split_of, written


def labels_of(root, split, **options):
    opened = open_split(root, split, **options)
    return [read_pair(pair, opened.label_set).labels for pair in opened.pairs]


def test_unlabelled_pixels_of_cityscapes_are_ignored(tmp_path):
    assert labels_of(written(tmp_path, "cityscapes"), "val")[0][0, 0] == CITYSCAPES.ignore_index


def test_train_ids_are_taken_as_they_are_where_they_are_there(tmp_path):
    root = written(tmp_path, "cityscapes")
    for path in list(root.rglob("*_labelIds.png")):
        train_ids = np.full((24, 32), 18, np.uint8)
        Image.fromarray(train_ids).save(str(path).replace("labelIds", "labelTrainIds"))

    assert (labels_of(root, "val")[0] == 18).all()


def test_coarse_labels_serve_splits_that_have_no_others(tmp_path):
    root = written(tmp_path, "cityscapes")
    (root / "gtFine" / "train").rename(root / "gtFine" / "train_extra")
    (root / "gtFine").rename(root / "gtCoarse")
    (root / "leftImg8bit" / "train").rename(root / "leftImg8bit" / "train_extra")
    for path in list(root.rglob("*_gtFine_*")):
        path.rename(str(path).replace("_gtFine_", "_gtCoarse_"))

    assert len(open_split(root, "train_extra").pairs) == 3


# The ids of the official table, spelled out once more: name, labelId.
OFFICIAL = {
    "road": 7,
    "sidewalk": 8,
    "building": 11,
    "wall": 12,
    "fence": 13,
    "pole": 17,
    "traffic light": 19,
    "traffic sign": 20,
    "vegetation": 21,
    "terrain": 22,
    "sky": 23,
    "person": 24,
    "rider": 25,
    "car": 26,
    "truck": 27,
    "bus": 28,
    "train": 31,
    "motorcycle": 32,
    "bicycle": 33,
}


def test_label_ids_become_the_train_ids_of_the_official_table():
    for label_id in range(34):
        name = next((name for name, number in OFFICIAL.items() if number == label_id), None)
        assert _TRAIN_IDS[label_id] == (CITYSCAPES.names.index(name) if name else 255)


@pytest.mark.parametrize(("layout", "wall"), [("ade20k", 0), ("ade20k-151", 1)])
def test_other_of_ade20k_is_ignored_and_wall_is_the_first_class(tmp_path, layout, wall):
    labels = labels_of(written(tmp_path, layout), "val", layout=layout)[0]

    assert labels[0, 0] == 255
    assert labels[0, 1] == wall


def test_ade20k_counts_150_classes_or_151_as_the_release_does(tmp_path):
    root = written(tmp_path, "ade20k")

    assert open_split(root, "train").label_set.names == ADE20K.names[1:]
    assert open_split(root, "train", layout="ade20k-151").label_set is ADE20K


def test_ade20k_is_known_one_folder_above_too(tmp_path):
    written(tmp_path, "ade20k").rename(tmp_path / "ADEChallengeData2016")

    assert len(open_split(tmp_path, "train").pairs) == sum(split_of(n) == "train" for n in NAMES)
