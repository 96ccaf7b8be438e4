import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from atrous.errors import WeightsError
from atrous.weights.formats.sorted_table import table_rows
from atrous.weights.formats.tf_checkpoint import checkpoint_prefix, read_tf_checkpoint
from weights.foreign import write_table, write_tf_checkpoint

ARRAYS = {
    "aspp0/weights": np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4),
    "aspp0/BatchNorm/gamma": np.ones(4, np.float32),
    "aspp0/BatchNorm/beta": np.zeros(0, np.float32),
    "half": np.arange(5, dtype=np.float16),
    "wide": np.linspace(0, 1, 7),
    "large": np.random.default_rng(0).standard_normal((64, 80)).astype(np.float32),
    "global_step": np.array(30_000, np.int64),
}


@pytest.fixture
def checkpoint(tmp_path):
    return write_tf_checkpoint(tmp_path / "model.ckpt", ARRAYS)


@pytest.mark.parametrize("shards", [1, 3])
def test_every_tensor_comes_back(shards, tmp_path):
    prefix = write_tf_checkpoint(tmp_path / "model.ckpt-30000", ARRAYS, shards=shards)

    found = read_tf_checkpoint(prefix)

    assert found.keys() == ARRAYS.keys()
    for name, values in ARRAYS.items():
        np.testing.assert_array_equal(found[name], values)
        assert found[name].dtype == values.dtype


def test_a_real_checkpoint_is_read_whole(oracle):
    found = read_tf_checkpoint(oracle / "ckpt" / "mobilenet_v2" / "model.ckpt")

    lines = (oracle / "names_mobilenet_v2.txt").read_text().splitlines()
    assert {name: list(values.shape) for name, values in found.items()} == {
        name: json.loads(shape) for name, shape in (line.split(" ", 1) for line in lines)
    }


@pytest.mark.parametrize(
    "spelling", ["model.ckpt", "model.ckpt.index", "model.ckpt.data-00000-of-00001", "."]
)
def test_a_checkpoint_is_found_by_each_of_its_names(spelling, checkpoint):
    assert checkpoint_prefix(checkpoint.parent / spelling) == checkpoint


def test_of_two_checkpoints_in_a_folder_none_is_guessed(checkpoint):
    write_tf_checkpoint(checkpoint.with_name("other"), ARRAYS)

    assert checkpoint_prefix(checkpoint.parent) is None


def test_other_files_are_no_checkpoints(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"x")

    assert checkpoint_prefix(tmp_path / "model.onnx") is None


def test_a_missing_data_file_is_named(checkpoint):
    checkpoint.with_name("model.ckpt.data-00000-of-00001").unlink()

    with pytest.raises(WeightsError, match=r"data-00000-of-00001: cannot be read \(No such file"):
        read_tf_checkpoint(checkpoint)


def test_tensors_that_share_their_values_are_refused(checkpoint):
    index = checkpoint.with_name("model.ckpt.index")
    rows = dict(table_rows(index.read_bytes()))
    copies = {b"large%d" % number: rows[b"large"] for number in range(3)}
    index.write_bytes(write_table(rows | copies))

    with pytest.raises(WeightsError, match="share places in the data files"):
        read_tf_checkpoint(checkpoint)


def test_a_truncated_data_file_names_the_tensor_that_is_cut(checkpoint):
    data = checkpoint.with_name("model.ckpt.data-00000-of-00001")
    data.write_bytes(data.read_bytes()[:-8])

    with pytest.raises(WeightsError, match=r"wide of shape \(7,\) needs 56 bytes, 48 are there"):
        read_tf_checkpoint(checkpoint)


def test_a_flipped_bit_in_the_data_is_found(checkpoint):
    data = checkpoint.with_name("model.ckpt.data-00000-of-00001")
    content = bytearray(data.read_bytes())
    content[-100] ^= 1
    data.write_bytes(content)

    with pytest.raises(WeightsError, match="the checksum of large is wrong"):
        read_tf_checkpoint(checkpoint)


@pytest.mark.parametrize("content", [b"", b"garbage", b"\0" * 100])
def test_what_is_no_index_is_refused(content, checkpoint):
    checkpoint.with_name("model.ckpt.index").write_bytes(content)

    with pytest.raises(WeightsError, match="not the index of a TensorFlow checkpoint"):
        read_tf_checkpoint(checkpoint)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(place=st.floats(0, 1, exclude_max=True), value=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_index_is_refused_and_never_crashes(place, value, cut, checkpoint):
    path = checkpoint.with_name("model.ckpt.index")
    whole = path.read_bytes()
    at = int(place * len(whole))
    changed = bytearray(whole)
    changed[at] ^= value
    path.write_bytes(whole[:at] if cut else changed)

    try:
        found = read_tf_checkpoint(checkpoint).keys()
    except WeightsError as error:
        found = str(error).startswith(str(checkpoint)) and ARRAYS.keys()
    finally:
        path.write_bytes(whole)

    # Without an error only bytes that carry nothing have changed: padding, unused statistics.
    assert found == ARRAYS.keys()
