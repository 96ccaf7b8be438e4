"""Datasets that Hugging Face's library saved; most need it, and are left out without it."""

import json
import sys
from pathlib import Path

import pytest

from atrous.data.detect import detect_layout, open_split, splits_of
from atrous.errors import DatasetError, DependencyError
from data.foreign_datasets import written


def saved(root: Path, *files: str) -> Path:
    """The small files of a saved dataset whose only split is train."""
    (root / "train").mkdir()
    (root / "dataset_dict.json").write_text('{"splits": ["train"]}')
    content = {"_data_files": [{"filename": name} for name in files]}
    (root / "train" / "state.json").write_text(json.dumps(content))
    return root


def test_a_saved_dataset_is_known_without_the_library(tmp_path):
    root = saved(tmp_path, "data.arrow")

    assert detect_layout(root) == ("huggingface", "dataset_dict.json of a saved dataset")
    assert splits_of(root) == ("train",)


def test_without_the_library_it_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)

    with pytest.raises(DependencyError, match=r"pip install 'atrous\[hub\]'"):
        open_split(saved(tmp_path, "data.arrow"), "train")


def test_tables_out_of_the_dataset_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="which is not below"):
        open_split(saved(tmp_path, "../../data.arrow"), "train")


def test_splits_out_of_the_dataset_are_refused(tmp_path):
    root = saved(tmp_path)
    (root / "dataset_dict.json").write_text('{"splits": ["../x"]}')

    with pytest.raises(DatasetError, match="which is not below"):
        open_split(root, "../x")


def test_names_come_from_id2label(tmp_path):
    root = written(tmp_path, "huggingface")

    assert open_split(root, "val").label_set.names == ("background", "car", "person")


def test_a_damaged_table_is_refused(tmp_path):
    root = written(tmp_path, "huggingface")
    for path in root.glob("train/*.arrow"):
        path.write_bytes(path.read_bytes()[:50])

    with pytest.raises(DatasetError, match="train: cannot be read"):
        open_split(root, "train")
