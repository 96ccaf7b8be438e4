import numpy as np
import pytest

from atrous.errors import WeightsError
from atrous.weights.formats.tf_checkpoint_v1 import find_v1_checkpoint, read_v1_checkpoint
from weights.foreign import write_table, write_tf_checkpoint
from weights.foreign_graphs import v1_rows, write_v1_checkpoint

ARRAYS = {
    "aspp0/weights": np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4),
    "aspp0/BatchNorm/gamma": np.ones(4, np.float32),
    "global_step": np.array(30_000, np.int64),
}


def test_every_tensor_comes_back(tmp_path):
    found = read_v1_checkpoint(write_v1_checkpoint(tmp_path / "model.ckpt", ARRAYS))

    assert found.keys() == ARRAYS.keys()
    for name, expected in ARRAYS.items():
        np.testing.assert_array_equal(found[name], expected)
        assert found[name].dtype == expected.dtype


def test_the_file_is_told_by_its_end_and_not_the_index_of_a_newer_kind(tmp_path):
    path = write_v1_checkpoint(tmp_path / "model.ckpt", ARRAYS)
    write_tf_checkpoint(tmp_path / "newer", ARRAYS)
    (tmp_path / "other").write_bytes(b"x" * 99)
    (tmp_path / "short").write_bytes(b"x")

    assert find_v1_checkpoint(path) == path
    for name in ("newer.index", "newer", "other", "short", "."):
        assert find_v1_checkpoint(tmp_path / name) is None


def _rows(change):
    rows = dict(v1_rows(ARRAYS))
    change(rows)
    return rows


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda rows: rows.pop(b"\0global_step"), "1 tensors have no values, first 'global_step'"),
        (lambda rows: rows.update({b"\1": rows[b"\0global_step"]}), "stored twice or in slices"),
        (lambda rows: rows.pop(b""), "was not announced"),
        (
            lambda rows: rows.update({b"": rows[b""].replace(b"\x08\x04", b"\x08\x05")}),
            r"gamma of shape \[5\] has 4 values",
        ),
        (
            lambda rows: rows.update({b"": rows[b""].replace(b"\x18\x09", b"\x18\x07")}),
            "global_step is of TensorFlow's type 7",
        ),
    ],
)
def test_what_does_not_fit_together_is_said(change, sentence, tmp_path):
    path = tmp_path / "model.ckpt"
    path.write_bytes(write_table(_rows(change)))

    with pytest.raises(WeightsError, match=rf"model\.ckpt: is a damaged checkpoint.*{sentence}"):
        read_v1_checkpoint(path)
