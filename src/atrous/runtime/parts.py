"""A journal of the finished parts of a large label map, which survives being killed."""

import contextlib
import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from atrous.errors import ResourceError
from atrous.imaging import LabelMap

_FORMAT = "atrous-parts/1"
_HEADER = struct.Struct("<IIIII")
_MOST_HEADER = 1 << 20


class Part(NamedTuple):
    """Rows of a panel that are finished."""

    start: int
    stop: int
    place: int
    """Of the compressed labels in the file."""
    length: int


class Journal:
    """Finished rows of panels, appended to a file as they come.

    What was written last when the process was killed may be torn; it is told by its checksum, cut
    off, and made again.

    Args:
        path: The file; made if it is not there.
        settings: What the labels depend on.
        layout: How the map is divided; of a file that is there its own counts.
        dtype: Of the labels.

    Raises:
        ResourceError: If the file is there and is of other settings, another process writes to it,
            or it cannot be written.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        layout: Mapping[str, Any],
        dtype: np.dtype[Any],
    ) -> None:
        self.path = path
        self.layout = dict(layout)
        self._dtype = dtype
        self._parts: dict[int, list[Part]] = {}
        with _written(path):
            self._file: IO[bytes] = path.open("a+b")
        try:
            self._lock()
            with _written(path):
                self._begin(json.loads(json.dumps(settings)))
        except BaseException:
            self._file.close()
            raise

    def _lock(self) -> None:
        """For as long as the file is open, where the system can."""
        with contextlib.suppress(ModuleNotFoundError):
            import fcntl  # noqa: PLC0415 - not on every system

            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise ResourceError(f"{self.path}: another process works on this result") from None

    def _begin(self, settings: Any) -> None:
        self._file.seek(0)
        line = self._file.readline(_MOST_HEADER)
        if not line.endswith(b"\n"):  # nothing yet, or torn
            header = {"format": _FORMAT, "settings": settings, "layout": self.layout}
            self._file.truncate(0)
            self._file.write(json.dumps(header).encode() + b"\n")
            self._sync()
            return
        try:
            header = json.loads(line)
            fits = (header["format"], header["settings"]) == (_FORMAT, settings)
            self.layout = header["layout"]
        except (ValueError, KeyError, TypeError):
            fits = False
        if not fits:
            raise ResourceError(
                f"{self.path}: holds a part of this result made with another source, model or "
                "settings; go on with those, or remove that file to begin anew"
            )
        self._recover(len(line))

    def _recover(self, place: int) -> None:
        while len(head := self._file.read(_HEADER.size)) == _HEADER.size:
            panel, start, stop, length, checksum = _HEADER.unpack(head)
            content = self._file.read(length)
            if len(content) < length or zlib.crc32(head[:-4] + content) != checksum:
                break
            place += _HEADER.size
            self._parts.setdefault(panel, []).append(Part(start, stop, place, length))
            place += length
        self._file.truncate(place)
        self._file.seek(0, os.SEEK_END)

    def finished(self, panel: int) -> int:
        """How many rows of a panel are finished, from the top."""
        parts = self._parts.get(panel)
        return parts[-1].stop if parts else 0

    def add(self, panel: int, start: int, labels: LabelMap) -> None:
        """Keep the labels of the next rows of a panel.

        Raises:
            ResourceError: If they cannot be written.
        """
        content = zlib.compress(labels.tobytes(), 1)
        stop = start + len(labels)
        head = struct.pack("<IIII", panel, start, stop, len(content))
        with _written(self.path):
            place = self._file.seek(0, os.SEEK_END) + _HEADER.size
            checksum = zlib.crc32(head + content)
            self._file.write(head + struct.pack("<I", checksum) + content)
            self._sync()
        self._parts.setdefault(panel, []).append(Part(start, stop, place, len(content)))

    def rows(self, panel: int, width: int) -> Iterator[LabelMap]:
        """The labels of a panel of a width, some rows at a time, from the top."""
        for part in self._parts.get(panel, ()):
            self._file.seek(part.place)
            content = zlib.decompress(self._file.read(part.length))
            yield np.frombuffer(content, self._dtype).reshape(part.stop - part.start, width)

    def close(self) -> None:
        """Leave the file where it is."""
        self._file.close()

    def remove(self) -> None:
        """Close and delete the file."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())


@contextlib.contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ResourceError(f"{path}: cannot be written ({error.strerror or error})") from None
