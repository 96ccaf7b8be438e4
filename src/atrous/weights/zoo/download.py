"""Fetch one file over HTTP: whole or not at all, and from where it stopped."""

import hashlib
import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from atrous.errors import ResourceError, WeightsError

MAX_BYTES = 2 << 30
"""Largest file that is fetched; the largest official archive has 0.5 GB."""
_CHUNK = 1 << 20
_SECONDS_TO_WAIT = 30.0
_RANGE_NOT_SATISFIABLE = 416

OnProgress: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes that are there, and how many there will be if the server says."""


def download(
    address: str,
    path: Path,
    *,
    on_progress: OnProgress = lambda _there, _total: None,
    max_bytes: int = MAX_BYTES,
) -> str:
    """Fetch a file into ``path``, by way of ``path`` with ``.part`` behind its name.

    What an earlier try left in the ``.part`` file is gone on with, if the server can.

    Args:
        address: ``http://`` or ``https://``.
        path: Where the file shall be; folders above it are made.
        on_progress: See `OnProgress`.
        max_bytes: A larger file is refused.

    Returns:
        The SHA-256 of the file, in hexadecimal; it is also kept beside the file, with ``.sha256``
        behind its name, as ``sha256sum --check`` reads it.

    Raises:
        ResourceError: If ``path`` is there, cannot be written, or the server cannot be reached.
        WeightsError: If the server has no such file, or sends another size than it said.
    """
    if path.exists():
        raise ResourceError(f"{path}: is there already; nothing was fetched")
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _fetch(address, part, on_progress, max_bytes)
        digest = _sha256(part)
        _record(path).write_text(f"{digest}  {path.name}\n", encoding="utf-8")
        part.rename(path)
    except OSError as error:
        # Only files are left to fail here: `_fetch` has told what the network did.
        raise ResourceError(f"{part}: cannot be written ({error.strerror})") from None
    return digest


def check(path: Path) -> str:
    """Hold a file against the SHA-256 that was kept when it came, if one was.

    Returns:
        Its SHA-256, in hexadecimal.

    Raises:
        WeightsError: If it is not the one that was kept.
        ResourceError: If a file cannot be read.
    """
    try:
        digest = _sha256(path)
        record = _record(path)
        kept = record.read_text(encoding="utf-8") if record.is_file() else digest
    except (OSError, UnicodeDecodeError) as error:
        raise ResourceError(f"{path}: cannot be checked ({error})") from None
    if not kept.startswith(digest):
        raise WeightsError(
            f"{path}: is not what was downloaded; its SHA-256 is {digest}, {record} says "
            f"{kept[:64]}. Remove it and download it again"
        )
    return digest


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fetch(address: str, part: Path, on_progress: OnProgress, max_bytes: int) -> None:
    there = part.stat().st_size if part.is_file() else 0
    with _open(address, there) as response:
        if response.status != http.client.PARTIAL_CONTENT:
            there = 0  # the server sends all of it, asked or not
        total = _total(response, there, address)
        if total is not None and total > max_bytes:
            raise WeightsError(f"{address}: has {total} bytes, more than the {max_bytes} expected")
        with part.open("ab" if there else "wb") as file:
            while chunk := _read(response, address, part):
                there += len(chunk)
                if there > max_bytes:
                    raise WeightsError(f"{address}: sends more than the {max_bytes} expected")
                file.write(chunk)
                on_progress(there, total)
    if total is not None and there != total:
        raise WeightsError(
            f"{address}: sent {there} of {total} bytes; run this again to go on with {part}"
        )


def _open(address: str, there: int) -> http.client.HTTPResponse:
    """Ask for the file, from byte ``there`` on."""
    if not address.startswith(("http://", "https://")):
        raise WeightsError(f"{address}: only http and https addresses are fetched")
    headers = {"Range": f"bytes={there}-"} if there else {}
    request = urllib.request.Request(address, headers=headers)  # noqa: S310 - checked above
    try:
        return urllib.request.urlopen(request, timeout=_SECONDS_TO_WAIT)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code == _RANGE_NOT_SATISFIABLE and there:
            return _open(address, 0)  # the part is as long as the file, or longer
        raise WeightsError(f"{address}: the server says {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise ResourceError(f"{address}: cannot be reached ({reason})") from None


def _total(response: http.client.HTTPResponse, there: int, address: str) -> int | None:
    """Bytes of the whole file; None if the server does not say."""
    if there:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
        if not found or int(found[1]) != there:
            raise WeightsError(f"{address}: the server goes on at another byte than was asked for")
        return int(found[2])
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _read(response: http.client.HTTPResponse, address: str, part: Path) -> bytes:
    try:
        return response.read(_CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise ResourceError(
            f"{address}: the connection was cut ({error}); run this again to go on with {part}"
        ) from None
