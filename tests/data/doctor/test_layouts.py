"""The doctor reads every layout there is."""

import pickle

import numpy as np
import pytest

from atrous.data.detect import open_split
from atrous.data.doctor import check_dataset
from atrous.data.doctor.listing import list_dataset
from atrous.data.doctor.mend import write_copy
from atrous.data.doctor.page import write_page
from atrous.data.sample import read_pair
from data.foreign_datasets import WRITERS, written

FIXED = {"camvid", "cityscapes", "voc", "sbd", "ade20k", "ade20k-151"}
"""Layouts of more classes than the made-up pictures show."""


@pytest.mark.parametrize("layout", WRITERS)
def test_a_sound_dataset_of_any_layout_has_no_fault(tmp_path, layout):
    report = check_dataset(written(tmp_path, layout), layout=layout)

    kinds = {finding.kind for finding in report.findings}
    assert kinds == ({"unused_class"} if layout in FIXED else set())
    assert len(report.pairs) == 4
    write_page(report, tmp_path / "page.html")


@pytest.mark.parametrize("layout", WRITERS)
def test_a_copy_of_any_layout_holds_the_same_labels(tmp_path, layout):
    root = written(tmp_path, layout)
    list(write_copy(check_dataset(root, layout=layout), tmp_path / "copy"))

    for split in ("train", "val"):
        one, other = open_split(root, split, layout=layout), open_split(tmp_path / "copy", split)
        assert other.label_set.names == one.label_set.names
        copied = {pair.name: read_pair(pair, other.label_set) for pair in other.pairs}
        for pair in one.pairs:
            expected = read_pair(pair, one.label_set)
            np.testing.assert_array_equal(copied[pair.name].labels, expected.labels)


@pytest.mark.parametrize("layout", WRITERS)
def test_entries_of_any_layout_reach_another_process(tmp_path, layout):
    entries = list_dataset(written(tmp_path, layout), layout=layout).entries

    assert [e.name for e in pickle.loads(pickle.dumps(entries))] == [e.name for e in entries]  # noqa: S301
