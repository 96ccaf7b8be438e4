"""What became of each picture, a line of JSON each, written as it happens.

A run that was ended in any way, even by kill -9, leaves a manifest of all that it has finished:
outputs are written whole first, the line after them. The next run cuts off a line that was torn.
"""

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
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a+b")
        except OSError as error:
            raise ResourceError(f"{path}: cannot be written ({error.strerror})") from None
        try:
            self._lock()
            # Hashes alone are kept, so that a million lines fit.
            self._finished = {_mark(row) for row in self._rows() if row.get("settings") == settings}
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def has_finished(self, source: Path, files: Mapping[str, Path]) -> bool:
        """Whether a picture was finished with these settings and has not changed since.

        Args:
            source: The picture.
            files: Its outputs by kind, all of which must be there.
        """
        row = {"source": str(source), **_state(source), "files": _as_text(files)}
        return _mark(row) in self._finished and all(map(os.path.isfile, files.values()))

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
            self._file.flush()
        except OSError as error:
            raise ResourceError(f"{self._path}: cannot be written ({error.strerror})") from None

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
