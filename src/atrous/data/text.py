"""Small files of text, read within bounds: plain, JSON, XML, lists."""

import json
import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from atrous.errors import DatasetError

MAX_JSON_BYTES = 512 << 20
"""Larger files of annotations are refused; Python's objects take about ten times as much."""
_MAX_TEXT_BYTES = 64 << 20
_MAX_XML_BYTES = 256 << 20
# A zero byte means UTF-16, in which a declaration of entities would not be found.
_REFUSED_IN_XML = (b"<!DOCTYPE", b"<!ENTITY", b"\0")


def read_bytes(path: Path, max_bytes: int) -> bytes:
    """Read a file of a bounded size.

    Raises:
        DatasetError: If it cannot be read, or is larger.
    """
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(f"{path}: cannot be read ({reason})") from None
    if len(content) > max_bytes:
        raise DatasetError(
            f"{path}: is larger than the {max_bytes >> 20} MiB that are read; split it"
        )
    return content


def read_head(path: Path, count: int) -> bytes:
    """The first bytes of a file, by which its kind is known.

    Raises:
        DatasetError: If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(count)
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from None


def read_text(path: Path, max_bytes: int = _MAX_TEXT_BYTES) -> str:
    """Read a file of UTF-8, with or without a byte order mark.

    Raises:
        DatasetError: If it cannot be read, is larger, or is not UTF-8.
    """
    try:
        return read_bytes(path, max_bytes).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not text in UTF-8: {error}") from None


def read_lines(path: Path) -> list[str]:
    """The lines of a list that are neither empty nor a comment behind ``#``.

    Raises:
        DatasetError: If the file cannot be read.
    """
    lines = (line.strip() for line in read_text(path).splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def parse_json(text: str | bytes, where: Path | str) -> Any:
    """What a text of JSON says.

    Args:
        text: The content.
        where: The file, for messages.

    Raises:
        DatasetError: If it is not JSON, or nested without end.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise DatasetError(f"{where}: not read: lists within lists without end") from None
    except ValueError as error:
        raise DatasetError(f"{where}: not JSON: {error}") from None


def read_json(path: Path, max_bytes: int = MAX_JSON_BYTES) -> Any:
    """Read a file of JSON.

    Raises:
        DatasetError: If it cannot be read, is too large, or is not JSON.
    """
    return parse_json(read_bytes(path, max_bytes), path)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def read_xml(path: Path) -> ElementTree.Element:
    """Read a file of XML that declares no entities.

    Raises:
        DatasetError: If it cannot be read, is too large, or is not XML.
    """
    content = read_bytes(path, _MAX_XML_BYTES)
    if any(mark in content for mark in _REFUSED_IN_XML):
        raise DatasetError(f"{path}: not read: it declares entities, or is UTF-16")
    try:
        return ElementTree.fromstring(content)  # noqa: S314, entities are refused above
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise DatasetError(f"{path}: not XML: {error}") from None


def as_number(value: object, where: str) -> float:
    """A finite number that a file gives, as one or as text.

    Raises:
        DatasetError: If it is none.
    """
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or isinstance(value, bool):
        raise DatasetError(f"{where}: expected a number, not {str(value)[:40]!r}")
    return number
