"""Sheets of pictures with their labels."""

import pytest

from atrous.data.detect import open_split
from atrous.data.sheet import contact_sheet
from atrous.errors import DatasetError
from data.broken_datasets import FAULTS, write_dataset


@pytest.fixture
def split(tmp_path):
    return open_split(write_dataset(tmp_path / "set"), "train")


@pytest.mark.parametrize(("count", "cells"), [(1, (1, 1)), (2, (1, 2)), (5, (2, 3)), (6, (2, 3))])
def test_cells_lie_in_a_near_square(split, count, cells):
    sheet = contact_sheet(split.pairs[:count], split.label_set, opacity=0.5)

    assert sheet.shape == (cells[0] * 246 + 6, cells[1] * 326 + 6, 3)


def test_labels_alone_are_seen_at_full_opacity(split):
    sheet = contact_sheet(split.pairs[:1], split.label_set, opacity=1.0)

    # The middle of each box, away from its border and from the legend.
    colors = {tuple(sheet[140, column].tolist()) for column in range(60, 300, 4)}
    assert set(split.label_set.palette[1:]) <= colors


def test_a_pair_that_does_not_fit_is_refused(tmp_path):
    root = write_dataset(tmp_path / "set")
    FAULTS["labels of another size"].break_it(root)
    split = open_split(root, "train")

    with pytest.raises(DatasetError, match="must have the same size"):
        contact_sheet(split.pairs, split.label_set, opacity=0.5)
