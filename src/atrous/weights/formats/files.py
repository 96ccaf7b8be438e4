"""Whole files in memory, with a limit, from a folder or from an archive."""

import tarfile
import zlib
from collections.abc import Callable, Mapping
from gzip import GzipFile
from pathlib import Path
from typing import Any, TypeAlias

from atrous.errors import WeightsError

Read: TypeAlias = Callable[[Path, int], bytes]
"""The content of a file of at most so many bytes; WeightsError if there is none."""

_MAX_UNPACKED = 1 << 30
_CHUNK = 1 << 20
_DAMAGED = (tarfile.TarError, zlib.error, OSError, EOFError, ValueError, LookupError)


def read_file(path: Path, limit: int) -> bytes:
    """The content of a file.

    Raises:
        WeightsError: If it is missing, cannot be read, or has more than ``limit`` bytes.
    """
    try:
        if path.stat().st_size > limit:
            raise WeightsError(f"{path}: has more than {limit} bytes, which no such file has")
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from None


def unpack(path: Path, wanted: Callable[[str], bool]) -> Mapping[Path, bytes]:
    """The members of a ``.tar.gz`` that are wanted, in memory; nothing is written to disk.

    Args:
        path: The archive.
        wanted: Whether a member is, by its name without folders.

    Returns:
        Contents by the path of the archive and the member's name without folders.

    Raises:
        WeightsError: If the archive is missing or damaged, unpacks to more than 1 GiB, or has two
            wanted members of one name.
    """
    found: dict[Path, bytes] = {}
    try:
        with GzipFile(path) as packed:
            stream = _Bounded(packed)
            archive = _open_tar(stream)
            for member in archive:
                name = member.name.rpartition("/")[2]
                content = archive.extractfile(member) if member.isreg() and wanted(name) else None
                if content is not None:
                    if path / name in found:
                        raise ValueError(f"two of its members are called {name}")
                    found[path / name] = content.read()
            while stream.read(_CHUNK):
                pass  # to the end, where gzip's checksum is
    except _DAMAGED as error:
        raise WeightsError(f"{path}: cannot be unpacked ({error})") from None
    return found


def read_member(members: Mapping[Path, bytes]) -> Read:
    """Read from what `unpack` found, as `read_file` does from a disk."""

    def read(path: Path, limit: int) -> bytes:
        if path not in members:
            raise WeightsError(f"{path}: the archive has no such member")
        if len(members[path]) > limit:
            raise WeightsError(f"{path}: has more than {limit} bytes, which no such file has")
        return members[path]

    return read


def _open_tar(stream: Any) -> tarfile.TarFile:
    return tarfile.open(fileobj=stream, mode="r|")  # only reads


class _Bounded:
    """A stream that ends with an error beyond `_MAX_UNPACKED`, whatever asks for more."""

    def __init__(self, file: GzipFile) -> None:
        self.file, self.left = file, _MAX_UNPACKED

    def read(self, size: int) -> bytes:
        data = self.file.read(size)
        self.left -= len(data)
        if self.left < 0:
            raise ValueError(f"it unpacks to more than {_MAX_UNPACKED} bytes")
        return data
