"""Pictures and labels in one folder."""

import pytest

from atrous.data import beside
from atrous.data.detect import detect_layout, list_split, open_split
from data.foreign_datasets import NAMES, save_image, save_labels, truth


def write_flat(root, ending="_mask"):
    for name in NAMES:
        save_image(root / f"{name}.jpg", name)
        save_labels(root / f"{name}{ending}.png", truth(name))
    return root


@pytest.mark.parametrize("ending", ["_mask", "_label", "_gt", "_seg", "_groundtruth"])
def test_labels_are_known_by_the_usual_endings(tmp_path, ending):
    root = write_flat(tmp_path, ending)

    assert detect_layout(root) == ("beside", f"a{ending}.png beside its picture")
    opened = [open_split(root, split) for split in ("train", "val")]
    assert sorted(pair.name for split in opened for pair in split.pairs) == list(NAMES)


def test_without_endings_jpeg_is_the_picture_and_png_its_labels(tmp_path):
    root = write_flat(tmp_path, ending="")

    assert detect_layout(root) == ("beside", "a.png beside its picture")
    opened = [open_split(root, split) for split in ("train", "val")]
    assert sorted(pair.name for split in opened for pair in split.pairs) == list(NAMES)
    assert not [fault for split in ("train", "val") for fault in list_split(root, split).faults]


def test_classes_are_counted_where_nothing_names_them(tmp_path):
    assert open_split(write_flat(tmp_path), "train").label_set.num_classes == 3


@pytest.mark.parametrize(("gone", "kind"), [("b.jpg", "no picture"), ("b_mask.png", "no labels")])
def test_a_file_without_partner_is_a_fault(tmp_path, gone, kind):
    (write_flat(tmp_path) / gone).unlink()

    (fault,) = list_split(tmp_path, "train").faults

    assert fault.kind == kind


def test_pictures_alone_are_not_taken_for_a_dataset(tmp_path):
    for name in ("a", "b_mask"):
        save_image(tmp_path / f"{name}.jpg", "a")

    assert beside.find(tmp_path) is None
