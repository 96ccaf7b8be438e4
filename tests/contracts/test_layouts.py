"""What every entry of `DATASETS` promises; a new entry needs a writer of made-up data."""

import numpy as np
import pytest

from atrous.cli.main import main
from atrous.data import DATASETS
from atrous.data.detect import detect_layout, list_split, open_split, splits_of
from atrous.data.sample import read_pair
from atrous.errors import DatasetError
from data.foreign_datasets import CLASSES, MEANT, SIZE, TRAIN, VAL, truth, written

every_layout = pytest.mark.parametrize("layout", DATASETS)


@every_layout
def test_a_dataset_is_known_by_itself_with_a_reason(tmp_path, layout):
    found, reason = detect_layout(written(tmp_path, layout))

    assert found == layout.removesuffix("-151")
    assert len(reason) > 10


@every_layout
def test_no_layout_is_found_in_an_empty_folder(tmp_path, layout):
    assert DATASETS[layout].find(tmp_path) is None


@every_layout
def test_its_splits_are_train_and_val(tmp_path, layout):
    root = written(tmp_path, layout)

    assert len(open_split(root, "train", layout=layout).pairs) == len(TRAIN)
    assert len(open_split(root, "val", layout=layout).pairs) == len(VAL)
    assert len(splits_of(root, layout=layout)) >= 2


@every_layout
@pytest.mark.parametrize("split", ["train", "val"])
def test_every_pixel_has_the_class_that_was_written(tmp_path, layout, split):
    opened = open_split(written(tmp_path, layout), split, layout=layout)
    names = np.array([*opened.label_set.names, *["ignored"] * 256])
    meant = np.array(MEANT.get(layout, CLASSES))

    for letter, pair in zip(TRAIN if split == "train" else VAL, opened.pairs, strict=True):
        sample = read_pair(pair, opened.label_set)
        assert sample.image.shape == (*SIZE, 3)
        # The first pixel is the one that some writers leave without a class.
        np.testing.assert_array_equal(
            names[sample.labels].ravel()[1:], meant[truth(letter)].ravel()[1:]
        )


@every_layout
def test_a_whole_dataset_has_no_faults(tmp_path, layout):
    root = written(tmp_path, layout)

    assert all(not list_split(root, split, layout=layout).faults for split in ("train", "val"))


@every_layout
def test_a_split_that_is_not_there_is_refused(tmp_path, layout):
    with pytest.raises(DatasetError, match=r"no split 'nowhere' in .*; it has "):
        open_split(written(tmp_path, layout), "nowhere", layout=layout)


@every_layout
def test_another_folder_is_refused_with_what_was_expected(tmp_path, layout):
    with pytest.raises(DatasetError, match=f"not of the layout '{layout}'; expected "):
        open_split(tmp_path, "train", layout=layout)


def test_the_help_names_every_layout(capsys):
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])

    said = " ".join(capsys.readouterr().out.split())
    assert all(name in said for name in DATASETS)
