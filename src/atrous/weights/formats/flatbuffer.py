"""Read flatbuffers within their bounds: tables of optional fields, vectors and strings.

A table starts with the distance back to its vtable; a vtable is its own size, the table's size and
the place of each field within the table, 0 for a field that is not there. Vectors, strings and
inner tables are reached by a distance from the field that names them.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

# Parts may be named any number of times, so what one name can cost has to be little.
_MAX_TABLES = 1 << 16
_MAX_TEXT = 1 << 16


@dataclass(frozen=True)
class Table:
    """A table at a place of a flatbuffer.

    Every method raises ValueError if the data does not hold what it should.
    """

    data: bytes
    """The whole flatbuffer."""
    place: int
    """Where the table starts, in bytes."""

    def number(self, field: int, kind: str, default: float = 0) -> int:
        """A whole number or truth value of the `struct` kind ``kind``, such as ``i``."""
        place = self._place_of(field)
        return int(default if place is None else _unpack(self.data, kind, place))

    def table(self, field: int) -> "Table | None":
        """A table within this one."""
        place = self._place_of(field)
        return None if place is None else Table(self.data, _follow(self.data, place))

    def tables(self, field: int) -> "Iterator[Table]":
        """The tables of a vector, one after the other."""
        start, count = self._vector(field, 4)
        if count > _MAX_TABLES:
            raise ValueError(f"a list of {count} tables is too long to be real")
        for place in range(start, start + 4 * count, 4):
            yield Table(self.data, _follow(self.data, place))

    def vector(self, field: int, dtype: DTypeLike) -> NDArray[np.generic]:
        """The numbers of a vector, seen in place; none if the field is not there."""
        start, count = self._vector(field, np.dtype(dtype).itemsize)
        return np.frombuffer(self.data, dtype, count, start if count else 0)

    def text(self, field: int) -> str:
        """A string."""
        letters = self.vector(field, np.uint8)
        if letters.size > _MAX_TEXT:
            raise ValueError(f"a name of {letters.size} letters is too long to be real")
        return letters.tobytes().decode()

    def _place_of(self, field: int) -> int | None:
        vtable = self.place - _unpack(self.data, "i", self.place)
        size = _unpack(self.data, "H", vtable)
        entry = 4 + 2 * field
        if entry + 2 > size:
            return None
        offset = _unpack(self.data, "H", vtable + entry)
        return self.place + offset if offset else None

    def _vector(self, field: int, itemsize: int) -> tuple[int, int]:
        place = self._place_of(field)
        if place is None:
            return 0, 0
        start = _follow(self.data, place)
        count = _unpack(self.data, "I", start)
        start += 4
        if start + count * itemsize > len(self.data):
            raise ValueError(f"a vector of {count} items reaches past the end")
        return start, count


def root_table(data: bytes) -> Table:
    """The table that a flatbuffer starts with.

    Raises:
        ValueError: If there is none.
    """
    return Table(data, _follow(data, 0))


def _follow(data: bytes, place: int) -> int:
    return place + _unpack(data, "I", place)


def _unpack(data: bytes, kind: str, place: int) -> int:
    if not 0 <= place <= len(data) - struct.calcsize(f"<{kind}"):
        raise ValueError(f"place {place} is outside of the file")
    value: int = struct.unpack_from(f"<{kind}", data, place)[0]
    return value
