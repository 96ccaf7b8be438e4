"""Arrays of whole numbers from MATLAB's files of version 5, read without MATLAB.

A file is a header and elements, each of a type, a length and its content; an array is an element of
elements, and so is a structure, whose fields are arrays. Follows "MAT-File Format" (The MathWorks).
"""

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from atrous.errors import DatasetError, InputError

_Element: TypeAlias = tuple[int, memoryview]
"""Its type, and its content."""

_MAX_BYTES = 64 << 20
_MAX_ELEMENTS = 10_000
_MAX_SIDES = 32
_HEADER_BYTES = 128
_MATRIX, _COMPRESSED = 14, 15
_STRUCT, _NUMERIC = 2, range(6, 16)
_WHOLE_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 12: "i8", 13: "u8"}
"""NumPy's names of the element types that hold them."""


class _DamagedError(Exception):
    """The content contradicts itself."""


@dataclass(frozen=True)
class _Array:
    """An array that is not looked into yet."""

    kind: int
    """MATLAB's number of its class."""
    shape: tuple[int, ...]
    name: str
    rest: list[_Element]
    """What follows its name: numbers, or the fields of a structure."""


def read_field(path: Path, variable: str, field: str) -> NDArray[np.integer]:
    """Read an array of whole numbers that is a field of a structure.

    Args:
        path: A file of MATLAB 5 to 7.2, compressed or not, of either byte order.
        variable: Name of the structure, of one element.
        field: Name of the array in it.

    Raises:
        InputError: If the file cannot be read, is damaged or too large.
        DatasetError: If it holds no such field, or other things than whole numbers in it.
    """
    content = memoryview(_read(path))
    order = {b"IM": "<", b"MI": ">"}.get(bytes(content[126:_HEADER_BYTES]))
    if bytes(content[:10]) == b"MATLAB 7.3" or order is None or content[125] + content[124] != 1:
        raise InputError(f"{path}: not a file of MATLAB 5 to 7.2; in MATLAB, save it with '-v7'")
    try:
        found = _find(content[_HEADER_BYTES:], order, variable, field)
    except (_DamagedError, zlib.error) as error:
        raise InputError(f"{path}: damaged or truncated ({error})") from None
    if found is None:
        raise DatasetError(f"{path}: holds no field {field!r} of a structure {variable!r}")
    if isinstance(found, _Array):
        raise DatasetError(f"{path}: {variable}.{field} holds no whole numbers")
    return found


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if len(content) > _MAX_BYTES:
        raise InputError(f"{path}: is larger than {_MAX_BYTES >> 20} MiB")
    return content


def _find(
    content: memoryview, order: str, variable: str, field: str
) -> NDArray[np.integer] | _Array | None:
    """The numbers of a field; the array itself if it holds no whole numbers; None without it."""
    for kind, body in _unpacked(content, order):
        if kind != _MATRIX:
            continue
        array = _array(body, order)
        if array.name == variable and array.kind == _STRUCT and math.prod(array.shape) == 1:
            inner = _fields(array, order).get(field)
            return _numbers(inner, order) if inner else None
    return None


def _unpacked(content: memoryview, order: str) -> Iterator[_Element]:
    for kind, body in _elements(content, order):
        if kind == _COMPRESSED:
            yield from _elements(_inflate(body), order)
        else:
            yield kind, body


def _elements(content: memoryview, order: str) -> Iterator[_Element]:
    place = count = 0
    while place < len(content):
        count += 1
        if place + 8 > len(content) or count > _MAX_ELEMENTS:
            raise _DamagedError(f"it ends within an element, or has more than {_MAX_ELEMENTS}")
        kind, size = (int(word) for word in np.frombuffer(content[place : place + 8], f"{order}u4"))
        start = place + 8
        if kind >> 16:  # at most four bytes are in the place of their length
            kind, size, start = kind & 0xFFFF, kind >> 16, place + 4
        if start + size > len(content) or (start == place + 4 and size > 4):
            raise _DamagedError("an element is longer than what holds it")
        yield kind, content[start : start + size]
        end = start + size
        place = end if kind == _COMPRESSED else end + -end % 8


def _inflate(body: memoryview) -> memoryview:
    stream = zlib.decompressobj()
    content = stream.decompress(body, _MAX_BYTES)
    if not stream.eof:
        raise _DamagedError(f"an array is cut short, or larger than {_MAX_BYTES >> 20} MiB")
    return memoryview(content)


def _array(body: memoryview, order: str) -> _Array:
    """What an array says of itself, in its first three elements."""
    parts = list(_elements(body, order))
    if not parts:  # an empty array may be written as nothing at all
        return _Array(0, (0, 0), "", [])
    if len(parts) < 3 or len(parts[0][1]) < 8 or len(parts[1][1]) % 4:
        raise _DamagedError("an array does not say what it is")
    flags = int(np.frombuffer(parts[0][1][:4], f"{order}u4")[0])
    shape = tuple(int(side) for side in np.frombuffer(parts[1][1], f"{order}i4"))
    if not 1 <= len(shape) <= _MAX_SIDES or min(shape) < 0:
        raise _DamagedError(f"an array has the shape {shape[:8]}")
    return _Array(flags & 0xFF, shape, _text(parts[2][1]), parts[3:])


def _fields(array: _Array, order: str) -> dict[str, _Array]:
    if len(array.rest) < 2 or len(array.rest[0][1]) != 4:
        raise _DamagedError("a structure does not name its fields")
    (width,) = (int(number) for number in np.frombuffer(array.rest[0][1], f"{order}i4"))
    names, values = array.rest[1][1], array.rest[2:]
    if width < 1 or len(names) != width * len(values):
        raise _DamagedError("a structure has more or fewer values than fields")
    return {
        _text(names[place * width : (place + 1) * width]): _array(body, order)
        for place, (_, body) in enumerate(values)
    }


def _numbers(array: _Array, order: str) -> NDArray[np.integer] | _Array:
    kind, body = array.rest[0] if array.rest else (0, memoryview(b""))
    if array.kind not in _NUMERIC or kind not in _WHOLE_NUMBERS or len(array.rest) > 1:
        return array
    kept = np.dtype(order + _WHOLE_NUMBERS[kind])
    if len(body) != math.prod(array.shape) * kept.itemsize:
        raise _DamagedError("an array has more or fewer values than its shape says")
    return np.frombuffer(body, kept).reshape(array.shape, order="F")


def _text(content: memoryview) -> str:
    return bytes(content).split(b"\0")[0].decode("ascii", "replace")
