"""Save and find everything that the next step depends on."""

import contextlib
import hashlib
import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, TypeAlias

import torch

from atrous.errors import ResourceError, WeightsError

_MANIFEST = "manifest.json"
_STATE = "state.pt"
_FORMAT = 2
_NAME = re.compile(r"step-(\d{8,})(?:\.(\d+))?")

Settings: TypeAlias = dict[str, Any]
"""What a run was told, as JSON."""


@dataclass(frozen=True)
class Checkpoint:
    """A saved state."""

    step: int
    """Steps that are over."""
    state: dict[str, Any]
    """State dicts and numbers by name: model, optimizer, schedule, average, position, log."""
    settings: Settings
    """Under which it came about."""


def save_checkpoint(folder: Path, checkpoint: Checkpoint) -> Path:
    """Save beside the earlier ones, and keep this one and the one before.

    The files are written and synced in a temporary folder, the manifest last, and the folder is
    renamed when it is whole; a kill at any moment leaves the newest earlier state valid. Nothing
    earlier is touched before that, not even a checkpoint of the same step.

    Args:
        folder: ``checkpoints`` of the run.
        checkpoint: What to save.

    Returns:
        The new folder.

    Raises:
        ResourceError: If the disk is full or the folder cannot be written.
    """
    final = _free_name(folder, checkpoint.step)
    partial = folder / f".partial-{final.name}"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _write(partial, checkpoint)
        partial.rename(final)
        _sync(folder)
    except (OSError, RuntimeError) as error:
        # torch reports a full disk as a RuntimeError about the position in the file.
        shutil.rmtree(partial, ignore_errors=True)
        raise ResourceError(
            f"{final}: the checkpoint cannot be written ({error}); earlier ones are as they were"
        ) from None
    _sweep(folder, final)
    return final


def load_newest(folder: Path) -> Checkpoint | None:
    """Load the newest whole checkpoint; None if there is none.

    Raises:
        WeightsError: If all that are there are damaged, or an earlier version has saved them.
    """
    complete = _complete(folder)
    for path in reversed(complete):
        manifest = json.loads((path / _MANIFEST).read_text())
        try:
            if _sha256(path / _STATE) != manifest["sha256"]:
                continue
            state = torch.load(path / _STATE, weights_only=True, map_location="cpu")
        except (OSError, RuntimeError, ValueError, EOFError, UnpicklingError):
            continue
        except (LookupError, TypeError, AttributeError):  # from pickles that somebody has made
            continue
        if isinstance(state, dict):
            return Checkpoint(manifest["step"], state, manifest["settings"])
    if complete:
        raise WeightsError(f"{folder}: {len(complete)} checkpoints are there, none can be read")
    if any(folder.glob("epoch-*")):
        raise WeightsError(
            f"{folder}: was saved by an earlier version of atrous, which cannot be resumed; "
            f"start a new run from its weights with --start {folder.parent / 'last.safetensors'}"
        )
    return None


def differences(old: Settings, new: Settings, where: str = "") -> dict[str, str]:
    """Each setting that differs, by its dotted name, and how, in words."""
    found: dict[str, str] = {}
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found |= differences(before, after, f"{where}{key}.")
        elif before != after:
            found[f"{where}{key}"] = f"{where}{key} was {before!r}, is {after!r}"
    return found


def _write(folder: Path, checkpoint: Checkpoint) -> None:
    with (folder / _STATE).open("wb") as file:
        torch.save(checkpoint.state, file)
        file.flush()
        os.fsync(file.fileno())
    manifest = {
        "format": _FORMAT,
        "step": checkpoint.step,
        "bytes": (folder / _STATE).stat().st_size,
        "sha256": _sha256(folder / _STATE),
        "settings": checkpoint.settings,
    }
    with (folder / _MANIFEST).open("w") as text:
        json.dump(manifest, text)
        text.flush()
        os.fsync(text.fileno())
    _sync(folder)


def _order(path: Path) -> tuple[int, int]:
    """Its step, and how many were saved at that step before."""
    match = _NAME.fullmatch(path.name)
    return (int(match[1]), int(match[2] or 0)) if match else (-1, 0)


def _named(folder: Path) -> list[Path]:
    """Everything called like a checkpoint, whole or not, oldest first."""
    return sorted((p for p in folder.glob("step-*") if _NAME.fullmatch(p.name)), key=_order)


def _free_name(folder: Path, step: int) -> Path:
    taken = [number for path in _named(folder) for at, number in [_order(path)] if at == step]
    again = f".{max(taken) + 1}" if taken else ""
    return folder / f"step-{step:08d}{again}"


def _sweep(folder: Path, newest: Path) -> None:
    """Remove all but the newest and the whole one of an earlier step.

    Those of later steps, and others of the same one, belong to a past that is trained again.
    """
    step, _ = _order(newest)
    earlier = [path for path in _complete(folder) if _order(path)[0] < step]
    kept = {newest, *earlier[-1:]}
    leftovers = [path for path in _named(folder) if path not in kept]
    for old in (*leftovers, *folder.glob(".partial-*")):
        with contextlib.suppress(OSError):
            shutil.rmtree(old)


def _complete(folder: Path) -> list[Path]:
    """Checkpoints with a manifest and a state of the size it names, oldest first."""

    def whole(path: Path) -> bool:
        try:
            manifest = json.loads((path / _MANIFEST).read_text())
            kinds = {"step": int, "bytes": int, "sha256": str, "settings": dict}
            if not all(isinstance(manifest[key], kind) for key, kind in kinds.items()):
                return False
            return bool((path / _STATE).stat().st_size == manifest["bytes"])
        except (OSError, ValueError, KeyError, TypeError):
            return False

    return [path for path in _named(folder) if whole(path)]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    """Make sure that the names in a folder outlast a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
