"""Where downloaded archives lie, and how checkpoints come out of them."""

import gzip
import os
import re
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from tarfile import TarInfo

from atrous.errors import ResourceError, WeightsError
from atrous.weights.catalogue import Checkpoint

_CHECKPOINT_FILE = re.compile(r"[\w.-]+\.(index|data-\d{5}-of-\d{5})")
MAX_MEMBER_BYTES = 1 << 30
"""Largest file that is taken out of an archive; the largest official one has 0.35 GB."""
MAX_ARCHIVE_BYTES = 4 << 30
"""Most that an archive may unpack to, whether it is taken or not."""
_CHUNK = 1 << 20
_ORDINARY = (tarfile.REGTYPE, tarfile.AREGTYPE)
_METADATA = (
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
)
"""Headers that only describe the next one."""


def cache_folder() -> Path:
    """``$ATROUS_HOME``, else ``atrous`` in ``$XDG_CACHE_HOME``, else ``~/.cache/atrous``."""
    if home := os.environ.get("ATROUS_HOME"):
        return Path(home)
    caches = os.environ.get("XDG_CACHE_HOME")
    # The standard says that relative paths there are to be ignored.
    root = Path(caches) if caches and Path(caches).is_absolute() else Path.home() / ".cache"
    return root / "atrous"


def archive_path(checkpoint: Checkpoint, folder: Path | None = None) -> Path:
    """Where a checkpoint's archive is, or will be; None for the cache."""
    return (folder or cache_folder() / "archives") / checkpoint.file_name


def how_to_get(name: str, checkpoint: Checkpoint) -> str:
    """A sentence for those who have to fetch an archive themselves."""
    path = archive_path(checkpoint)
    return f"get {checkpoint.address} and put it at {path}, or run: atrous model download {name}"


def unpacked(name: str, checkpoint: Checkpoint) -> Path:
    """The folder with a checkpoint's files, unpacked from its archive in the cache if need be.

    Raises:
        WeightsError: If the archive is not there, or holds no checkpoint.
        ResourceError: If the files cannot be written.
    """
    folder = cache_folder() / "checkpoints" / checkpoint.archive
    if folder.is_dir():
        return folder
    archive = archive_path(checkpoint)
    if not archive.is_file():
        raise WeightsError(f"{name}: has not been downloaded; {how_to_get(name, checkpoint)}")
    unpack(archive, folder)
    return folder


def unpack(archive: Path, folder: Path) -> tuple[str, ...]:
    """Take the checkpoint out of a ``.tar.gz`` archive, and nothing else.

    Only ordinary files named as checkpoints are (``.index``, ``.data-00000-of-00001``) are
    written, by their last name, whatever folder or link the archive speaks of. Names of more than
    100 characters, which no official archive has, are not understood.

    Args:
        archive: A ``.tar.gz`` file.
        folder: Where the files shall be; made whole or not at all, and must not be there.

    Returns:
        Names of the archive's other members, which were left out.

    Raises:
        WeightsError: If the archive is damaged, too large, or holds not exactly one checkpoint.
        ResourceError: If ``folder`` is there or cannot be written.
    """
    if folder.exists():
        raise ResourceError(f"{folder}: is there already; nothing was unpacked")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".atrous-", dir=folder.parent) as temporary:
            left_out = tuple(_write_members(archive, Path(temporary)))
            _check_members(archive, Path(temporary))
            Path(temporary).rename(folder)
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise WeightsError(f"{archive}: not a whole .tar.gz archive ({error})") from None
    except OSError as error:
        raise ResourceError(f"{archive}: cannot be unpacked into {folder} ({error})") from None
    return left_out


def _write_members(archive: Path, folder: Path) -> Iterator[str]:
    """Write the checkpoint's files, and yield the names of all others."""
    with gzip.open(archive) as stream:
        for member, content in _members(stream, archive):
            name = member.name.rpartition("/")[2]
            if member.type not in _ORDINARY or not _CHECKPOINT_FILE.fullmatch(name):
                yield member.name
                continue
            if member.size > MAX_MEMBER_BYTES:
                raise WeightsError(f"{archive}: {member.name} has {member.size} bytes, too many")
            if (folder / name).exists():
                raise WeightsError(f"{archive}: has two files {name}")
            with (folder / name).open("xb") as file:
                file.writelines(content)


def _members(stream: gzip.GzipFile, archive: Path) -> Iterator[tuple[TarInfo, Iterator[bytes]]]:
    """Headers of a tar archive one by one, each with its content in pieces.

    The module tarfile itself reads long names into memory at whatever length a header claims.
    """
    total = 0
    while (header := stream.read(tarfile.BLOCKSIZE)).strip(b"\0"):
        member = TarInfo.frombuf(header, "utf-8", "replace")
        blocks = -(-member.size // tarfile.BLOCKSIZE)
        total += blocks * tarfile.BLOCKSIZE
        if member.size < 0:
            raise tarfile.HeaderError("a size is negative")
        _check_total(total, archive)
        content = _pieces(stream, member.size)
        if member.type not in _METADATA and not member.isdir():
            yield member, content
        for _ in content:
            pass  # what was not taken
        stream.read(blocks * tarfile.BLOCKSIZE - member.size)
    # To the end, where gzip's checksum is.
    while rest := len(stream.read(_CHUNK)):
        total += rest
        _check_total(total, archive)


def _check_total(total: int, archive: Path) -> None:
    if total > MAX_ARCHIVE_BYTES:
        raise WeightsError(f"{archive}: unpacks to more than {MAX_ARCHIVE_BYTES} bytes")


def _pieces(stream: gzip.GzipFile, size: int) -> Iterator[bytes]:
    while size:
        piece = stream.read(min(size, _CHUNK))
        if not piece:
            raise EOFError("it ends inside a file")
        size -= len(piece)
        yield piece


def _check_members(archive: Path, folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    indexes = [name for name in names if name.endswith(".index")]
    if len(indexes) != 1 or len(names) == 1:
        raise WeightsError(
            f"{archive}: expected one checkpoint, an .index and its .data, found "
            f"{', '.join(names) or 'none'}"
        )
