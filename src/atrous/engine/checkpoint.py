"""Save and resume everything that the next step depends on."""

import contextlib
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from atrous.errors import ResourceError, WeightsError

_MANIFEST = "manifest.json"
_STATE = "state.pt"
_KEPT = 2


@dataclass(frozen=True)
class Checkpoint:
    """A saved state."""

    epoch: int
    """Epochs that are finished."""
    state: dict[str, Any]
    """State dicts by name: model, average, optimizer, schedule, random numbers."""


def save_checkpoint(folder: Path, checkpoint: Checkpoint, *, settings: dict[str, Any]) -> None:
    """Save beside the earlier ones, and keep the newest two.

    The files are written and synced in a temporary folder, the manifest last, and the folder is
    renamed when it is whole; a kill at any moment leaves the newest earlier state valid.

    Args:
        folder: ``checkpoints`` of the run.
        checkpoint: What to save.
        settings: The run's settings, which must be the same when it is resumed.

    Raises:
        ResourceError: If the disk is full or the folder cannot be written.
    """
    final = folder / f"epoch-{checkpoint.epoch:05d}"
    partial = folder / f".partial-{final.name}"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        with (partial / _STATE).open("wb") as file:
            torch.save(checkpoint.state, file)
            file.flush()
            os.fsync(file.fileno())
        manifest = {
            "epoch": checkpoint.epoch,
            "bytes": (partial / _STATE).stat().st_size,
            "sha256": _sha256(partial / _STATE),
            "settings": settings,
        }
        with (partial / _MANIFEST).open("w") as text:
            json.dump(manifest, text)
            text.flush()
            os.fsync(text.fileno())
        _sync(partial)
        shutil.rmtree(final, ignore_errors=True)
        partial.rename(final)
        _sync(folder)
    except (OSError, RuntimeError) as error:
        # torch reports a full disk as a RuntimeError about the position in the file.
        shutil.rmtree(partial, ignore_errors=True)
        raise ResourceError(
            f"{final}: the checkpoint cannot be written ({error}); earlier ones are as they were"
        ) from None
    for old in _complete(folder)[:-_KEPT]:
        with contextlib.suppress(OSError):
            shutil.rmtree(old)


def load_newest(folder: Path, *, settings: dict[str, Any]) -> Checkpoint | None:
    """Load the newest whole checkpoint; None if there is none.

    Raises:
        WeightsError: If it was made with other settings, or all that are there are damaged.
    """
    complete = _complete(folder)
    for path in reversed(complete):
        manifest = json.loads((path / _MANIFEST).read_text())
        changed = _changed(manifest["settings"], settings)
        if changed:
            raise WeightsError(
                f"{path}: was made with other settings ({'; '.join(changed[:5])}); resume with "
                "those, or start a new run"
            )
        try:
            if _sha256(path / _STATE) != manifest["sha256"]:
                continue
            state = torch.load(path / _STATE, weights_only=True, map_location="cpu")
        except (OSError, RuntimeError, ValueError, EOFError, UnpicklingError):
            continue
        except (LookupError, TypeError, AttributeError):  # from pickles that somebody has made
            continue
        return Checkpoint(manifest["epoch"], state)
    if complete:
        raise WeightsError(f"{folder}: {len(complete)} checkpoints are there, none can be read")
    return None


def _complete(folder: Path) -> list[Path]:
    """Checkpoints with a manifest and a state of the size it names, oldest first."""

    def whole(path: Path) -> bool:
        try:
            manifest = json.loads((path / _MANIFEST).read_text())
            kinds = {"epoch": int, "bytes": int, "sha256": str, "settings": dict}
            if not all(isinstance(manifest[key], kind) for key, kind in kinds.items()):
                return False
            return bool((path / _STATE).stat().st_size == manifest["bytes"])
        except (OSError, ValueError, KeyError, TypeError):
            return False

    return sorted(path for path in folder.glob("epoch-*") if whole(path))


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


def _changed(old: dict[str, Any], new: dict[str, Any], where: str = "") -> list[str]:
    lines: list[str] = []
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            lines += _changed(before, after, f"{where}{key}.")
        elif before != after:
            lines.append(f"{where}{key} was {before!r}, is {after!r}")
    return lines
