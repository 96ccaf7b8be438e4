"""PASCAL VOC 2012 and exports in its form."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atrous.data.detect import detect_layout, open_split, splits_of
from atrous.data.sample import read_pair
from atrous.errors import DatasetError
from atrous.labels import VOC
from data.foreign_datasets import written


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return written(tmp_path, "voc")


@pytest.mark.parametrize("inner", [".", "VOCdevkit", "VOCdevkit/VOC2012"])
def test_any_folder_of_the_release_is_known(root, inner):
    assert detect_layout(root / inner)[0] == "voc"


def test_train_aug_is_all_labels_of_sbd_but_those_of_val(root):
    opened = open_split(root, "train_aug")

    assert [pair.name for pair in opened.pairs] == ["a", "b", "c", "more"]
    assert {pair.labels.path.parent.name for pair in opened.pairs} == {"SegmentationClassAug"}


def test_a_list_of_train_aug_is_followed_under_either_name(root):
    lists = root / "VOCdevkit" / "VOC2012" / "ImageSets" / "Segmentation"
    (lists / "trainaug.txt").write_text("more\nb\n")

    assert [pair.name for pair in open_split(root, "train_aug").pairs] == ["b", "more"]


def test_a_list_of_paths_is_followed_too(root):
    lists = root / "VOCdevkit" / "VOC2012" / "ImageSets" / "Segmentation"
    (lists / "train_aug.txt").write_text("/JPEGImages/a.jpg /SegmentationClassAug/a.png\n")

    assert [pair.name for pair in open_split(root, "train_aug").pairs] == ["a"]


def test_train_aug_without_its_labels_says_what_to_do(root):
    base = root / "VOCdevkit" / "VOC2012"
    (base / "SegmentationClassAug").rename(base / "cls")
    (base / "ImageSets" / "Segmentation" / "trainaug.txt").write_text("a\n")

    with pytest.raises(DatasetError, match=r"needs a folder SegmentationClassAug.*\.mat"):
        open_split(root, "trainaug")


def test_a_picture_without_labels_matters_only_where_it_is_listed(root):
    (root / "VOCdevkit" / "VOC2012" / "SegmentationClass" / "d.png").unlink()

    assert len(open_split(root, "train").pairs) == 3
    with pytest.raises(DatasetError, match=r"d\.jpg: has no labels in .*SegmentationClass"):
        open_split(root, "val")


def test_a_listed_picture_that_is_not_there_is_named(root):
    (root / "VOCdevkit" / "VOC2012" / "JPEGImages" / "b.jpg").unlink()

    with pytest.raises(
        DatasetError, match=r"train\.txt: names 'b', which is not in JPEGImages|b\.png"
    ):
        open_split(root, "train")


def test_its_classes_are_those_of_voc_unless_the_user_names_others(root):
    assert open_split(root, "val").label_set == VOC

    names = [f"thing {index}" for index in range(21)]
    (root / "dataset.toml").write_text(f"names = {names}")
    assert open_split(root, "val").label_set.names == tuple(names)


def test_a_label_map_of_cvat_gives_names_and_colours(root):
    base = root / "VOCdevkit" / "VOC2012"
    (base / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:0,128,7::\n"
    )
    colors = np.zeros((24, 32, 3), np.uint8)
    colors[3:5] = (0, 128, 7)
    Image.fromarray(colors).save(base / "SegmentationClass" / "d.png")

    opened = open_split(root, "val")

    assert opened.label_set.names == ("background", "cat")
    labels = read_pair(opened.pairs[0], opened.label_set).labels
    np.testing.assert_array_equal(labels, (colors[..., 1] > 0).astype(int))


@pytest.mark.parametrize(
    "line", ["cat", "cat:1,2::", "cat:300,0,0::\ndog:0,0,0::", "a:0,0,0\na:1,1,1"]
)
def test_a_damaged_label_map_is_refused(root, line):
    (root / "VOCdevkit" / "VOC2012" / "labelmap.txt").write_text(line)

    with pytest.raises(DatasetError, match=r"labelmap\.txt: "):
        open_split(root, "val")


def test_lists_of_other_tasks_are_no_splits(root):
    lists = root / "VOCdevkit" / "VOC2012" / "ImageSets" / "Main"
    lists.mkdir()
    (lists / "cat_train.txt").write_text("a 1\n")

    assert splits_of(root) == ("train", "val", "train_aug")


def test_an_export_whose_only_list_is_called_default_is_split_by_a_hash(root):
    lists = root / "VOCdevkit" / "VOC2012" / "ImageSets" / "Segmentation"
    (lists / "train.txt").unlink()
    (lists / "val.txt").rename(lists / "default.txt")
    (lists / "default.txt").write_text("a\nb\nc\nd\n")

    assert splits_of(root) == ("default", "train", "val")
    assert [len(open_split(root, name).pairs) for name in ("default", "train", "val")] == [4, 3, 1]
