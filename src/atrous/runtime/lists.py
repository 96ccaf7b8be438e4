"""Lists of paths: one a line, or with zero bytes between them as ``find -print0`` writes them."""

import os
from collections.abc import Iterator
from pathlib import Path

from atrous.errors import InputError

_LONGEST_PATH = 32_768
"""Bytes; no system takes a longer one."""
_BLOCK = 1 << 16
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def paths_in_list(path: Path) -> Iterator[str]:
    """Paths in the order of the list, without blank lines; whether they are there is not looked at.

    Names need not be UTF-8; names with line breaks need the form with zero bytes.

    Raises:
        InputError: If the list cannot be read, or has a line that is too long for a path.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_BLOCK).removeprefix(_BYTE_ORDER_MARK)
            separator = b"\0" if b"\0" in start else b"\n"
            rest = b""
            block = start
            while block:
                *entries, rest = (rest + block).split(separator)
                yield from _paths(entries, path)
                if len(rest) > _LONGEST_PATH:
                    _refuse(path)
                block = file.read(_BLOCK)
            yield from _paths([rest], path)
    except OSError as error:
        raise InputError(f"{path}: the list cannot be read ({error.strerror})") from None


def _paths(entries: list[bytes], path: Path) -> Iterator[str]:
    for entry in entries:
        if len(entry) > _LONGEST_PATH:
            _refuse(path)
        line = os.fsdecode(entry.removesuffix(b"\r"))
        if line.strip():
            yield line


def _refuse(path: Path) -> None:
    raise InputError(f"{path}: has lines too long for a path; expected a list, one path a line")
