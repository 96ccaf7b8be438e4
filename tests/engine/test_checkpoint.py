"""Checkpoints: the newest whole one is found, whatever happened to the others."""

import contextlib
import errno
import hashlib
import io
import json
import os
import pickle
import resource
import zipfile
from pathlib import Path

import pytest
import torch

from atrous.engine.checkpoint import Checkpoint, differences, load_newest, save_checkpoint
from atrous.errors import ResourceError, WeightsError

SETTINGS = {"train": {"seed": 0, "epochs": 9}, "start": None}


def save(folder: Path, *steps: int) -> Path:
    for step in steps:
        state = {"model": {"weight": torch.full((50,), float(step))}, "average": None}
        save_checkpoint(folder, Checkpoint(step, state, SETTINGS))
    return folder


def newest_step(folder: Path) -> int | None:
    """The step that is loaded, after a look at whether its state belongs to it."""
    found = load_newest(folder)
    if found is None:
        return None
    assert (found.state["model"]["weight"] == found.step).all()
    return found.step


def test_without_checkpoints_there_is_nothing_to_load(tmp_path):
    assert newest_step(tmp_path / "checkpoints") is None


def test_what_was_saved_is_loaded(tmp_path):
    state = {"model": {"a": torch.randn(3)}, "optimizer": {"state": {0: 1.5}}, "average": None}
    save_checkpoint(tmp_path, Checkpoint(7, state, SETTINGS))

    found = load_newest(tmp_path)

    assert found is not None
    assert (found.step, found.settings) == (7, SETTINGS)
    assert torch.equal(found.state["model"]["a"], state["model"]["a"])
    assert found.state["optimizer"] == state["optimizer"]


def test_the_newest_is_loaded_and_two_are_kept(tmp_path):
    save(tmp_path, 1, 2, 9, 10, 11)

    assert newest_step(tmp_path) == 11
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000010", "step-00000011"]


def test_saving_a_step_again_replaces_it(tmp_path):
    save(tmp_path, 1, 2, 2)

    assert newest_step(tmp_path) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000001", "step-00000002.1"]


def test_a_kill_while_a_step_is_saved_again_loses_nothing(tmp_path, monkeypatch):
    save(tmp_path, 1, 2)

    def killed(*_: object, **__: object) -> None:
        raise Killed

    for call in ("rename", "rmdir"):
        with monkeypatch.context() as patch, contextlib.suppress(Killed):
            patch.setattr(os, call, killed)
            save(tmp_path, 2)
        assert newest_step(tmp_path) == 2


def test_checkpoints_of_a_past_that_is_trained_again_are_swept_away(tmp_path):
    save(tmp_path, 1, 2, 9)
    flip_a_byte(tmp_path / "step-00000009" / "state.pt", 9.0)

    assert newest_step(save(tmp_path, 3)) == 3


def test_checkpoints_of_an_earlier_version_are_refused_with_what_to_do(tmp_path):
    (tmp_path / "run" / "checkpoints" / "epoch-00012").mkdir(parents=True)

    with pytest.raises(WeightsError, match=r"earlier version .* --start .*run/last\.safetensors"):
        load_newest(tmp_path / "run" / "checkpoints")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_byte(path: Path, value: float = 2.0) -> None:
    content = bytearray(path.read_bytes())
    place = content.index(torch.full((2,), value).numpy().tobytes())
    content[place + 1] ^= 0x01
    path.write_bytes(content)


DAMAGES = {
    "state truncated": lambda newest: truncate(newest / "state.pt"),
    "state empty": lambda newest: (newest / "state.pt").write_bytes(b""),
    "state missing": lambda newest: (newest / "state.pt").unlink(),
    "one bit of a weight": lambda newest: flip_a_byte(newest / "state.pt"),
    "manifest missing": lambda newest: (newest / "manifest.json").unlink(),
    "manifest truncated": lambda newest: truncate(newest / "manifest.json"),
    "manifest empty": lambda newest: (newest / "manifest.json").write_text(""),
    "manifest a list": lambda newest: (newest / "manifest.json").write_text("[]"),
    "manifest without step": lambda newest: (newest / "manifest.json").write_text(
        json.dumps({"bytes": (newest / "state.pt").stat().st_size, "settings": SETTINGS})
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_newest_falls_back_to_the_one_before(tmp_path, damage):
    save(tmp_path, 1, 2)

    DAMAGES[damage](tmp_path / "step-00000002")

    assert newest_step(tmp_path) == 1


@pytest.mark.parametrize("damage", DAMAGES)
def test_after_damage_the_next_save_is_loaded_and_a_whole_one_stays_behind_it(tmp_path, damage):
    save(tmp_path, 1, 2)
    DAMAGES[damage](tmp_path / "step-00000002")

    save(tmp_path, 2)

    assert newest_step(tmp_path) == 2
    (tmp_path / "step-00000002.1" / "state.pt").unlink()
    assert newest_step(tmp_path) == 1


def test_checkpoints_that_are_all_damaged_are_an_error_and_not_a_new_start(tmp_path):
    save(tmp_path, 2)
    flip_a_byte(tmp_path / "step-00000002" / "state.pt")

    with pytest.raises(WeightsError, match="1 checkpoints are there, none can be read"):
        load_newest(tmp_path)


@pytest.mark.parametrize("files", [[], ["state.pt"], ["state.pt", "manifest.json"]])
def test_what_a_kill_left_half_written_is_passed_over_and_swept_away(tmp_path, files):
    save(tmp_path, 1)
    partial = tmp_path / ".partial-step-00000002"
    partial.mkdir()
    for name in files:
        (partial / name).write_bytes(b"half")

    assert newest_step(tmp_path) == 1
    save(tmp_path, 2)
    assert newest_step(tmp_path) == 2
    assert not partial.exists()


class Killed(BaseException):
    """What a process that is killed does not get to handle."""


@pytest.mark.parametrize("call", ["fsync", "rename", "rmdir", "unlink"])
@pytest.mark.parametrize("at", range(6))
def test_a_kill_at_any_moment_of_saving_leaves_a_whole_checkpoint(tmp_path, monkeypatch, call, at):
    save(tmp_path, 1, 2)
    calls, real = [0], getattr(os, call)

    def killed(*args: object, **options: object) -> object:
        calls[0] += 1
        if calls[0] > at:
            raise Killed
        return real(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, killed)
        with contextlib.suppress(Killed):
            save(tmp_path, 3)

    assert newest_step(tmp_path) in {2, 3}


def test_settings_that_differ_are_named_with_both_values():
    other = {"train": {"seed": 1, "epochs": 9}, "start": "a.xml"}

    assert differences(SETTINGS, other) == {
        "start": "start was None, is 'a.xml'",
        "train.seed": "train.seed was 0, is 1",
    }


class Malicious:
    """Makes a file when it is unpickled without care."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.canary),)


def as_torch_file(canary: Path) -> bytes:
    file = io.BytesIO()
    torch.save({"model": Malicious(canary)}, file)
    return file.getvalue()


def as_old_torch_file(canary: Path) -> bytes:
    file = io.BytesIO()
    torch.save(Malicious(canary), file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def as_zip_of_pickle(canary: Path) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(Malicious(canary), protocol=2))
        archive.writestr("archive/version", "3")
    return file.getvalue()


@pytest.mark.parametrize(
    "build",
    [
        as_torch_file,
        as_old_torch_file,
        as_zip_of_pickle,
        lambda c: pickle.dumps(Malicious(c), protocol=2),
    ],
    ids=["torch", "old torch", "zip", "pickle"],
)
def test_a_malicious_pickle_is_refused_and_not_executed(tmp_path, build):
    canary = tmp_path / "canary"
    save(tmp_path / "run", 1)
    state = tmp_path / "run" / "step-00000001" / "state.pt"
    state.write_bytes(build(canary))
    agree_with_manifest(state)

    with pytest.raises(WeightsError, match="none can be read"):
        load_newest(tmp_path / "run")
    assert not canary.exists()


def agree_with_manifest(state: Path) -> None:
    """Whoever can replace the state can replace its checksum."""
    path = state.with_name("manifest.json")
    manifest = json.loads(path.read_text())
    manifest["bytes"] = state.stat().st_size
    manifest["sha256"] = hashlib.sha256(state.read_bytes()).hexdigest()
    path.write_text(json.dumps(manifest))


def test_a_full_disk_is_said_and_the_earlier_checkpoints_stay(tmp_path, monkeypatch):
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    save(tmp_path, 1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(ResourceError, match=r"cannot be written \(.*No space left.*earlier"):
            save(tmp_path, 2)

    assert newest_step(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


def test_a_write_that_stops_halfway_is_a_resource_error(tmp_path):
    save(tmp_path, 1)
    state = {"weight": torch.zeros(100_000)}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(ResourceError, match="the checkpoint cannot be written"):
            save_checkpoint(tmp_path, Checkpoint(2, state, SETTINGS))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert newest_step(tmp_path) == 1


def test_a_folder_that_cannot_be_made_is_a_resource_error(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(ResourceError, match="the checkpoint cannot be written"):
        save(tmp_path / "file" / "checkpoints", 1)
