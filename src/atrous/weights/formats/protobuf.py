"""Read protocol buffers within their bounds, without a schema: fields by their numbers."""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Buffer: TypeAlias = bytes | memoryview
Fields: TypeAlias = dict[int, list[int | memoryview]]
"""Fields of a message by number, each as often as it occurs. Nothing is copied."""

_MAX_FIELDS = 1 << 18
"""Each takes many times its bytes in memory; graphs have tens of thousands."""


def varint(data: Buffer, place: int) -> tuple[int, int]:
    """A number of variable length at ``place``, and where it ends.

    Raises:
        ValueError: If it has more than 64 bits.
        IndexError: If the data end within it.
    """
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if value >> 64 or shift > 70:
            raise ValueError("a number is longer than 64 bits")
        if byte < 0x80:
            return value, place


def parse(data: Buffer) -> Fields:
    """The fields of a message.

    Raises:
        ValueError: If they reach past the end, are too many, or of a kind that is long gone.
        IndexError: If the data end within a number.
    """
    view, fields = memoryview(data), Fields()
    place = count = 0
    while place < len(view):
        tag, place = varint(view, place)
        value: int | memoryview
        match tag & 7:
            case 0:
                value, place = varint(view, place)
            case 1:
                value, place = int.from_bytes(view[place : place + 8], "little"), place + 8
            case 2:
                length, place = varint(view, place)
                value, place = view[place : place + length], place + length
            case 5:
                value, place = int.from_bytes(view[place : place + 4], "little"), place + 4
            case kind:
                raise ValueError(f"field {tag >> 3} is of the unexpected kind {kind}")
        count += 1
        if place > len(view) or count > _MAX_FIELDS:
            raise ValueError("a field reaches past the end, or there are too many of them")
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def number(fields: Fields, field: int) -> int:
    """A whole number; 0 if the field is not there.

    Raises:
        ValueError: If it is no number.
    """
    value = fields.get(field, [0])[-1]
    if not isinstance(value, int):
        raise ValueError(f"field {field} is no number")  # noqa: TRY004 - the file is wrong, not a type
    return value


def content(fields: Fields, field: int) -> memoryview:
    """The bytes of a string or message; none if the field is not there.

    Raises:
        ValueError: If it is a number.
    """
    value = fields.get(field, [memoryview(b"")])[-1]
    if isinstance(value, int):
        raise ValueError(f"field {field} is a number")  # noqa: TRY004 - as in `number`
    return value


def text(fields: Fields, field: int) -> str:
    """A string.

    Raises:
        ValueError: If it is a number, or not UTF-8.
    """
    return bytes(content(fields, field)).decode()


def messages(fields: Fields, field: int) -> Iterator[Fields]:
    """The messages of a field, parsed one after the other."""
    return (parse(value) for value in fields.get(field, []) if not isinstance(value, int))


def varints(fields: Fields, field: int) -> list[int]:
    """A list of whole numbers, each by itself or packed.

    Raises:
        ValueError: If there are too many.
        IndexError: If the data end within a number.
    """
    found: list[int] = []
    for value in fields.get(field, []):
        if isinstance(value, int):
            found.append(value)
            continue
        if len(value) > _MAX_FIELDS:
            raise ValueError(f"field {field} is a list of {len(value)} bytes, too long to be real")
        place = 0
        while place < len(value):
            item, place = varint(value, place)
            found.append(item)
    return found


def float32s(fields: Fields, field: int) -> NDArray[np.float32]:
    """A list of float32, each by itself or packed.

    Raises:
        ValueError: If packed ones are not of 4 bytes each.
    """
    raw = b"".join(
        value.to_bytes(4, "little") if isinstance(value, int) else value
        for value in fields.get(field, [])
    )
    return np.frombuffer(raw, "<f4")
