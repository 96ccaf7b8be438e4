"""The Semantic Boundaries Dataset, by itself and beside PASCAL VOC."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from atrous.data.detect import detect_layout, open_split, splits_of
from atrous.data.sample import read_pair
from atrous.errors import DatasetError
from data.foreign_datasets import save_image, truth, written
from data.mat_files import mat_file


@pytest.fixture
def sbd(tmp_path: Path) -> Path:
    return written(tmp_path, "sbd")


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    """PASCAL VOC without SegmentationClassAug, whose pictures are more than its labels."""
    root = written(tmp_path, "voc")
    shutil.rmtree(root / "VOCdevkit" / "VOC2012" / "SegmentationClassAug")
    return root


def add_boundaries(folder: Path) -> None:
    """Labels of SBD, all of class 3, for pictures of VOC's train and val, and one more."""
    folder.mkdir(parents=True)
    for name in ("a", "d", "more"):
        (folder / f"{name}.mat").write_bytes(mat_file(np.full_like(truth("a"), 3)))


@pytest.mark.parametrize("inner", [".", "benchmark_RELEASE", "benchmark_RELEASE/dataset"])
def test_any_folder_of_the_release_is_known(sbd, inner):
    if inner == "benchmark_RELEASE":
        assert detect_layout(sbd / inner)[1] == "dataset/img beside cls of .mat files"
    assert detect_layout(sbd / inner)[0] == "sbd"


def test_the_list_without_vocs_val_is_a_split_too(sbd):
    (sbd / "benchmark_RELEASE/dataset/train_noval.txt").write_text("a\nc\n")

    assert splits_of(sbd) == ("train", "val", "train_noval")
    assert [pair.name for pair in open_split(sbd, "train_noval").pairs] == ["a", "c"]


def test_a_picture_of_a_list_that_is_not_there_is_named(sbd):
    (sbd / "benchmark_RELEASE/dataset/val.txt").write_text("d\nnowhere\n")

    with pytest.raises(DatasetError, match=r"val\.txt: names 'nowhere', which is not in img"):
        open_split(sbd, "val")


def test_a_list_that_leads_out_of_the_dataset_is_refused(sbd):
    (sbd / "benchmark_RELEASE/dataset/val.txt").write_text("../../../d\n")

    with pytest.raises(DatasetError, match=r"val\.txt: names .* not below"):
        open_split(sbd, "val")


def test_values_are_mapped_as_the_user_says(sbd):
    (sbd / "dataset.toml").write_text("label_map = { 7 = 'bus' }")
    opened = open_split(sbd, "val")

    labels = read_pair(opened.pairs[0], opened.label_set).labels
    np.testing.assert_array_equal(labels, np.array([0, 6, 15])[truth("d")])


def test_labels_that_are_no_map_are_refused(sbd):
    path = sbd / "benchmark_RELEASE/dataset/cls/d.mat"
    path.write_bytes(mat_file(np.zeros((2, 3, 4))))
    opened = open_split(sbd, "val")

    with pytest.raises(DatasetError, match=r"d\.mat: .* in the shape \(2, 3, 4\); expected one"):
        read_pair(opened.pairs[0], opened.label_set)


@pytest.mark.parametrize(
    "place",
    [
        "VOCdevkit/VOC2012/cls",
        "benchmark_RELEASE/dataset/cls",
        "VOCdevkit/benchmark_RELEASE/dataset/cls",
        "VOCdevkit/VOCaug/dataset/cls",
        "SBD/cls",
    ],
)
def test_train_aug_finds_the_mat_files_beside_voc(voc, place):
    add_boundaries(voc / place)

    assert detect_layout(voc)[0] == "voc"
    assert splits_of(voc) == ("train", "val", "train_aug")
    assert [pair.name for pair in open_split(voc, "train_aug").pairs] == ["a", "b", "c", "more"]


def test_where_voc_has_labels_of_its_own_train_aug_takes_them(voc):
    add_boundaries(voc / "benchmark_RELEASE/dataset/cls")
    opened = open_split(voc, "train_aug")
    sources = {pair.name: pair.labels.path.suffix for pair in opened.pairs}

    assert sources == {"a": ".png", "b": ".png", "c": ".png", "more": ".mat"}
    assert (read_pair(opened.pairs[-1], opened.label_set).labels == 3).all()


def test_a_list_of_train_aug_is_followed(voc):
    add_boundaries(voc / "VOCdevkit/VOC2012/cls")
    lists = voc / "VOCdevkit/VOC2012/ImageSets/Segmentation"
    (lists / "trainaug.txt").write_text("more\nb\n")

    assert [pair.name for pair in open_split(voc, "train_aug").pairs] == ["b", "more"]


def test_a_listed_picture_without_labels_is_named_with_both_places(voc):
    add_boundaries(voc / "VOCdevkit/VOC2012/cls")
    (voc / "VOCdevkit/VOC2012/cls/more.mat").unlink()
    lists = voc / "VOCdevkit/VOC2012/ImageSets/Segmentation"
    (lists / "train_aug.txt").write_text("more\nb\n")

    with pytest.raises(DatasetError, match=r"more\.jpg: has no labels in .*/cls or .*/Segmentatio"):
        open_split(voc, "train_aug")


def test_mat_files_above_the_dataset_are_not_looked_for(voc):
    add_boundaries(voc.parent / "benchmark_RELEASE/dataset/cls")

    assert splits_of(voc) == ("train", "val")


def test_other_splits_of_voc_do_not_see_the_mat_files(voc):
    add_boundaries(voc / "VOCdevkit/VOC2012/cls")
    save_image(voc / "VOCdevkit/VOC2012/JPEGImages/d.jpg", "d")

    assert [pair.labels.path.suffix for pair in open_split(voc, "val").pairs] == [".png"]
