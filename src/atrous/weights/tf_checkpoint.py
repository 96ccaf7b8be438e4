"""Read a TensorFlow checkpoint (Saver V2, a *tensor bundle*) without TensorFlow.

A checkpoint PREFIX is PREFIX.index and PREFIX.data-00000-of-0000N. The index is a sorted table of
blocks, as LevelDB has them: a footer at the end points to an index block, which points to data
blocks, whose entries share prefixes of their keys. The value of each entry is a small protocol
buffer that says where in which data file a tensor's raw values are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from atrous.errors import WeightsError
from atrous.weights.crc32c import masked_crc32c

_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
_FOOTER_BYTES = 48
_TRAILER_BYTES = 5
_MAX_INDEX_BYTES = 64 << 20
_DTYPES = {1: np.float32, 2: np.float64, 3: np.int32, 9: np.int64, 19: np.float16}
"""TensorFlow's numbers of the types that checkpoints of networks have."""

Fields: TypeAlias = dict[int, list["int | bytes"]]
"""Fields of a protocol buffer by number, each as often as it occurs."""


@dataclass(frozen=True)
class Entry:
    """Where a tensor is, and what it looks like."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    crc32c: int


def checkpoint_prefix(path: Path) -> Path | None:
    """The prefix of the checkpoint that ``path`` means, if it means one.

    A prefix itself, its ``.index`` or one of its ``.data`` files, or a folder with exactly one.
    """
    if path.is_dir():
        found = sorted(path.glob("*.index"))
        return found[0].with_suffix("") if len(found) == 1 else None
    name = path.name.removesuffix(".index").partition(".data-")[0]
    prefix = path.with_name(name)
    return prefix if _index_of(prefix).is_file() else None


def read_tf_checkpoint(prefix: Path) -> Mapping[str, NDArray[np.generic]]:
    """Read every tensor of a checkpoint, and hold each against its checksum.

    Args:
        prefix: As from `checkpoint_prefix`.

    Raises:
        WeightsError: If a file is missing, damaged, or holds what networks do not.
    """
    header, entries = read_tf_index(_index_of(prefix))
    shards = {
        number: _read_shard(prefix, number, header)
        for number in {entry.shard for entry in entries.values()}
    }
    return {
        name: _tensor(name, entry, shards[entry.shard], prefix) for name, entry in entries.items()
    }


def read_tf_index(path: Path) -> tuple[int, Mapping[str, Entry]]:
    """Read the table of a checkpoint: the number of its data files, and where each tensor is.

    Raises:
        WeightsError: If the file is missing or damaged.
    """
    try:
        if path.stat().st_size > _MAX_INDEX_BYTES:
            raise WeightsError(f"{path}: too large to be the index of a checkpoint")
        table = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from None
    if len(table) < _FOOTER_BYTES or table[-8:] != _MAGIC:
        raise WeightsError(f"{path}: not the index of a TensorFlow checkpoint, or truncated")
    try:
        rows = dict(_table_rows(table))
        header = _parse(rows.pop(b""))
        shards, endianness = _number(header, 1), _number(header, 2)
        entries = {key.decode(): _entry(value) for key, value in rows.items()}
    except (ValueError, KeyError, IndexError, UnicodeDecodeError) as error:
        raise WeightsError(f"{path}: the index is damaged ({error})") from None
    if endianness:
        raise WeightsError(f"{path}: values are big-endian; only little-endian ones are read")
    return shards, entries


def _index_of(prefix: Path) -> Path:
    return prefix.with_name(prefix.name + ".index")


# --- The table ----------------------------------------------------------------------------------


def _table_rows(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    footer = table[-_FOOTER_BYTES:]
    # The footer names two blocks: one of statistics, which is not needed, then the index.
    _, place = _varint(footer, 0)
    _, place = _varint(footer, place)
    offset, place = _varint(footer, place)
    size, _ = _varint(footer, place)
    for _, handle in _block_rows(_block(table, offset, size)):
        offset, place = _varint(handle, 0)
        size, _ = _varint(handle, place)
        yield from _block_rows(_block(table, offset, size))


def _block(table: bytes, offset: int, size: int) -> bytes:
    end = offset + size
    if end + _TRAILER_BYTES > len(table):
        raise ValueError(f"a block ends at {end}, past the end of the file")
    if table[end] != 0:
        raise ValueError("a block is compressed, as no Saver does it")
    stored = int.from_bytes(table[end + 1 : end + _TRAILER_BYTES], "little")
    if masked_crc32c(table[offset : end + 1]) != stored:
        raise ValueError("the checksum of a block is wrong")
    return table[offset:end]


def _block_rows(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    restarts = int.from_bytes(block[-4:], "little")
    end = len(block) - 4 * (restarts + 1)
    if end < 0:
        raise ValueError("a block is shorter than its list of restarts")
    key, place = b"", 0
    while place < end:
        shared, place = _varint(block, place)
        unshared, place = _varint(block, place)
        length, place = _varint(block, place)
        if shared > len(key) or place + unshared + length > end:
            raise ValueError("an entry reaches past the end of its block")
        key = key[:shared] + block[place : place + unshared]
        place += unshared
        yield key, block[place : place + length]
        place += length


# --- Protocol buffers ---------------------------------------------------------------------------


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """A number of variable length at ``place``, and where it ends."""
    value = shift = 0
    while True:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
        if shift > 63:
            raise ValueError("a number is longer than 64 bits")


def _parse(data: bytes) -> Fields:
    fields: Fields = {}
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        value: int | bytes
        match tag & 7:
            case 0:
                value, place = _varint(data, place)
            case 2:
                length, place = _varint(data, place)
                value, place = data[place : place + length], place + length
            case 5:
                value, place = int.from_bytes(data[place : place + 4], "little"), place + 4
            case kind:
                raise ValueError(f"field {tag >> 3} is of the unexpected kind {kind}")
        if place > len(data):
            raise ValueError("a field reaches past the end")
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _number(fields: Fields, field: int) -> int:
    value = fields.get(field, [0])[-1]
    if not isinstance(value, int):
        raise ValueError(f"field {field} is no number")  # noqa: TRY004 - the file is wrong, not a type
    return value


def _messages(fields: Fields, field: int) -> list[Fields]:
    return [_parse(value) for value in fields.get(field, []) if isinstance(value, bytes)]


def _entry(value: bytes) -> Entry:
    fields = _parse(value)
    if 7 in fields:
        raise ValueError("a tensor is stored in slices, as only partitioned variables are")
    shapes = _messages(fields, 2)
    sides = _messages(shapes[0], 2) if shapes else []
    return Entry(
        dtype=_number(fields, 1),
        shape=tuple(_number(side, 1) for side in sides),
        shard=_number(fields, 3),
        offset=_number(fields, 4),
        size=_number(fields, 5),
        crc32c=_number(fields, 6),
    )


# --- The values ---------------------------------------------------------------------------------


def _read_shard(prefix: Path, number: int, shards: int) -> memoryview:
    path = prefix.with_name(f"{prefix.name}.data-{number:05d}-of-{shards:05d}")
    try:
        return np.fromfile(path, np.uint8).data.toreadonly()
    except OSError as error:
        raise WeightsError(
            f"{path}: cannot be read ({error.strerror}); a checkpoint is an .index and its .data"
        ) from None


def _tensor(name: str, entry: Entry, shard: memoryview, prefix: Path) -> NDArray[np.generic]:
    if entry.dtype not in _DTYPES:
        raise WeightsError(f"{prefix}: {name} is of TensorFlow's type {entry.dtype}, not a number")
    dtype = np.dtype(_DTYPES[entry.dtype])
    raw = shard[entry.offset : entry.offset + entry.size]
    if len(raw) != entry.size or entry.size != prod(entry.shape) * dtype.itemsize:
        raise WeightsError(
            f"{prefix}: {name} of shape {entry.shape} needs {prod(entry.shape) * dtype.itemsize} "
            f"bytes, {len(raw)} are there; the checkpoint is truncated or damaged"
        )
    if masked_crc32c(raw) != entry.crc32c:
        raise WeightsError(f"{prefix}: the checksum of {name} is wrong; the checkpoint is damaged")
    return np.frombuffer(raw, dtype).reshape(entry.shape)
