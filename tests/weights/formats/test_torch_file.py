import argparse
import os

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from atrous.errors import WeightsError
from atrous.weights.formats.torch_file import read_torch_file

STATE = {"encoder.weight": torch.arange(6.0).view(2, 3), "head.bias": torch.ones(2)}


def write(path, content, **options):
    torch.save(content, path, **options)
    return path


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "as before torch 1.6"])
def test_a_state_dict_is_read_in_both_formats(zipped, tmp_path):
    path = write(tmp_path / "a.pth", STATE, _use_new_zipfile_serialization=zipped)

    found = read_torch_file(path)

    np.testing.assert_array_equal(found.values["encoder.weight"], [[0, 1, 2], [3, 4, 5]])
    assert (list(found.values), found.left_out) == (list(STATE), ())


def test_safetensors_are_read_alike(tmp_path):
    save_file(
        {name: tensor.bfloat16() for name, tensor in STATE.items()}, tmp_path / "a.safetensors"
    )

    found = read_torch_file(tmp_path / "a.safetensors")

    assert {values.dtype for values in found.values.values()} == {np.dtype(np.float32)}
    assert found.values["encoder.weight"][1, 2] == 5


@pytest.mark.parametrize("key", ["state_dict", "model_state", "model", "net"])
def test_what_a_training_saves_beside_is_left_out_and_named(key, tmp_path):
    training = {
        "epoch": 3,
        key: STATE,
        "optimizer": {"state": {0: {"momentum": torch.ones(2)}}},
        "best_score": np.float64(0.5),
        "confusion": np.eye(2),
        "args": argparse.Namespace(lr=0.1),
    }

    found = read_torch_file(write(tmp_path / "a.pth.tar", training))

    assert list(found.values) == list(STATE)
    assert sorted(found.left_out) == ["args", "best_score", "confusion", "epoch", "optimizer"]


@pytest.mark.parametrize("prefix", ["module.", "model.", "module.model.", "_orig_mod."])
def test_prefixes_of_wrappers_are_taken_off(prefix, tmp_path):
    state = {prefix + name: tensor for name, tensor in STATE.items()}

    assert list(read_torch_file(write(tmp_path / "a.pt", state)).values) == list(STATE)


class Attack:
    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (self.trace,)


@pytest.mark.parametrize("zipped", [True, False])
def test_nothing_in_a_file_runs(zipped, tmp_path):
    attack = STATE | {"x": Attack(str(tmp_path / "trace"))}
    path = write(tmp_path / "a.pth", attack, _use_new_zipfile_serialization=zipped)

    with pytest.raises(WeightsError, match=r"a\.pth: needs posix\.mkdir, .*safetensors"):
        read_torch_file(path)
    assert not (tmp_path / "trace").exists()


def test_a_whole_model_is_refused_with_what_to_do(tmp_path):
    path = write(tmp_path / "a.pt", torch.nn.Linear(2, 2))

    with pytest.raises(WeightsError, match=r"Linear.*save model\.state_dict\(\) alone"):
        read_torch_file(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([1, 2], "holds a list, not a state dict"),
        ({"lr": 0.1}, r"holds no tensors by name; its entries are \['lr'\]"),
        ({"a": torch.zeros(1).expand(1 << 40)}, "4,398,046,511,104 bytes, more than the"),
        ({"a": torch.zeros(2, device="meta")}, "a has no values, only a shape"),
        ({"a": torch.zeros(2, dtype=torch.complex64)}, "a is sparse, quantized or complex"),
    ],
)
def test_what_is_no_state_dict_is_said(content, reason, tmp_path):
    with pytest.raises(WeightsError, match=reason):
        read_torch_file(write(tmp_path / "a.pth", content))


def test_a_model_of_ours_is_not_converted(tmp_path):
    save_file(STATE, tmp_path / "a.safetensors", metadata={"atrous": "{}"})

    with pytest.raises(WeightsError, match="is a model of atrous already"):
        read_torch_file(tmp_path / "a.safetensors")


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_a_missing_file_is_said(name, tmp_path):
    with pytest.raises(WeightsError, match=f"{name}: no such file"):
        read_torch_file(tmp_path / name)


def test_a_file_that_unpacks_to_too_much_is_not_unpacked(tmp_path, monkeypatch):
    path = write(tmp_path / "a.pth", {"a": torch.zeros(1 << 12)})
    monkeypatch.setattr("atrous.weights.formats.torch_file._MAX_BYTES", 1 << 12)

    with pytest.raises(WeightsError, match="bytes, more than the 4,096 that are read"):
        read_torch_file(path)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", range(10))
def test_a_damaged_file_is_refused_or_read(share, zipped, tmp_path):
    path = write(tmp_path / "a.pth", STATE, _use_new_zipfile_serialization=zipped)
    whole = path.read_bytes()
    for at in range(len(whole) * share // 10, len(whole) * (share + 1) // 10, 7):
        path.write_bytes(whole[:at] + b"\xff" + whole[at + 1 :])
        try:
            read_torch_file(path)
        except WeightsError as error:
            assert "a.pth" in str(error)  # noqa: PT017 - a changed value is no damage to see


@pytest.mark.parametrize("content", [b"", b"x", b"PK\x03\x04", b"\x80\x02."])
def test_what_torch_did_not_write_is_refused(content, tmp_path):
    (tmp_path / "a.bin").write_bytes(content)

    with pytest.raises(WeightsError, match=r"a\.bin: (cannot be read as|is no checkpoint)"):
        read_torch_file(tmp_path / "a.bin")
