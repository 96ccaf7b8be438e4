"""What became of each picture, a line of JSON each, written as it happens.

A run that was ended in any way, even by kill -9, leaves a manifest of all that it has finished:
outputs are written whole first, the line after them. The next run cuts off a line that was torn.
Outputs of which the line is missing are known by a second file, which lists what was begun and is
gone once all of it has lines.
"""

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from atrous.errors import InputError, ResourceError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_START = b'{"source": '
_LONGEST_LINE = 1 << 20
_BLOCK = 1 << 20
BEGUN = ".begun"
"""Ending of the file beside the manifest that lists what was begun."""
_MANY = 1000
"""Names of what was begun that are kept though they are done, before they are cleared away."""
_FAR = 1 << 30
"""Where Windows locks a byte, behind the text, which others want to read."""


class Manifest:
    """Appends to a manifest, and knows what it says is finished.

    Use it in a ``with`` block. One process at a time writes a file.

    Args:
        path: The file; it is made if it is not there.
        settings: `fingerprint` of the model and of all that changes results.

    Raises:
        InputError: If the file is there and is not a manifest.
        ResourceError: If another process writes it, or it cannot be written.
    """

    def __init__(self, path: Path, settings: str) -> None:
        self._path = path
        self._settings = settings
        self._begun_path = path.with_name(f"{path.name}{BEGUN}")
        self._begun: set[str] = set()
        self._left = set(self._left_begun())
        self._noted = len(self._left)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b")
        except OSError as error:
            raise ResourceError(f"{path}: cannot be written ({error.strerror})") from None
        try:
            self._lock()
            self._finished = self._read()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._begun and not self._left:
            self._begun_path.unlink(missing_ok=True)
        self._file.close()

    def has_finished(self, source: Path, files: Mapping[str, Path]) -> bool:
        """Whether a picture was finished with these settings and has not changed since.

        Args:
            source: The picture.
            files: Its outputs by kind, all of which must be there.
        """
        row = {"source": str(source), **_state(source), "files": _as_text(files)}
        return _mark(row) in self._finished and all(map(os.path.isfile, files.values()))

    def begin(self, source: Path, files: Mapping[str, Path]) -> None:
        """Say that a picture's outputs are about to be written; it is noted if none is there yet.

        Raises:
            ResourceError: If it cannot be written.
        """
        if any(map(os.path.lexists, files.values())):
            return
        self._begun.add(str(source))
        self._noted += 1
        unfinished = (
            self._begun | self._left if self._noted > _MANY + 2 * len(self._begun) else None
        )
        try:
            with self._begun_path.open(
                "a" if unfinished is None else "w", encoding="utf-8"
            ) as file:
                for name in unfinished or {str(source)}:
                    file.write(json.dumps(name) + "\n")
        except OSError as error:
            raise ResourceError(
                f"{self._begun_path}: cannot be written ({error.strerror})"
            ) from None
        self._noted = self._noted if unfinished is None else len(unfinished)

    def was_begun(self, source: Path) -> bool:
        """Whether an earlier run was ended while it wrote this picture's outputs.

        What is there of them is its own, whole or in part, and may be written again.
        """
        return str(source) in self._left

    def add(self, source: Path, row: Mapping[str, Any]) -> None:
        """Append a line.

        Args:
            source: The picture.
            row: ``files`` by kind if it is done, else ``error``, and whatever else there is to say.

        Raises:
            ResourceError: If it cannot be written.
        """
        line = {"source": str(source), **row, **_state(source), "settings": self._settings}
        try:
            self._file.write(json.dumps(line, allow_nan=False).encode() + b"\n")
            self._flush()
        except OSError as error:
            raise ResourceError(f"{self._path}: cannot be written ({error.strerror})") from None
        self._begun.discard(str(source))
        self._left.discard(str(source))

    def _read(self) -> set[int]:
        """What is finished; hashes alone are kept, so that a million lines fit."""
        finished = set()
        for row in self._rows():
            if "files" in row:
                self._left.discard(str(row.get("source")))
            if row.get("settings") == self._settings:
                finished.add(_mark(row))
        return finished

    def _flush(self) -> None:
        self._file.flush()

    def _rows(self) -> Iterator[dict[str, Any]]:
        """All lines; what is left of a torn last one is cut off."""
        self._file.seek(0)
        whole = 0
        for line in iter(lambda: self._file.readline(_LONGEST_LINE), b""):
            if not line.endswith(b"\n"):
                if not line.startswith(_START[: len(line)]):
                    raise self._foreign()
                self._file.truncate(whole)
                return
            whole += len(line)
            yield self._parsed(line)

    def _left_begun(self) -> Iterator[str]:
        with contextlib.suppress(OSError), self._begun_path.open("rb") as file:
            for line in iter(lambda: file.readline(_LONGEST_LINE), b""):
                with contextlib.suppress(ValueError, RecursionError):  # the last may be torn
                    yield str(json.loads(line))

    def _parsed(self, line: bytes) -> dict[str, Any]:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            raise self._foreign() from None
        if not line.startswith(_START) or not isinstance(row.get("files", {}), dict):
            raise self._foreign()
        return dict(row)

    def _foreign(self) -> InputError:
        return InputError(
            f"{self._path}: is there already and is not a manifest of atrous predict; give another "
            "--manifest"
        )

    def _lock(self) -> None:
        try:
            if sys.platform == "win32":
                self._file.seek(_FAR)
                msvcrt.locking(self._file.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ResourceError(
                f"{self._path}: another process is writing it; give each shard a --manifest of "
                "its own"
            ) from None


def fingerprint(model: Path, settings: Mapping[str, Any]) -> str:
    """A short name of a model file's content and of the settings that it is used with."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    with model.open("rb") as file:
        for block in iter(lambda: file.read(_BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()[:16]


def _mark(row: Mapping[str, Any]) -> int:
    files = None if "error" in row else row.get("files")
    found = [row.get("source"), row.get("bytes"), row.get("modified"), files]
    return hash(json.dumps(found, sort_keys=True))


def _state(source: Path) -> dict[str, int | None]:
    """Size and time of a file, by which a change is seen."""
    try:
        found = source.stat()
    except (OSError, ValueError):
        return {"bytes": None, "modified": None}
    return {"bytes": found.st_size, "modified": found.st_mtime_ns}


def _as_text(files: Mapping[str, Path]) -> dict[str, str]:
    return {kind: str(path) for kind, path in files.items()}
