"""Read a TensorFlow checkpoint (Saver V2, a *tensor bundle*) without TensorFlow.

A checkpoint PREFIX is PREFIX.index and PREFIX.data-00000-of-0000N. The index is a sorted table; the
value of each entry is a small protocol buffer that says where in which data file a tensor's raw
values are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from atrous.errors import WeightsError
from atrous.weights.formats.crc32c import masked_crc32c
from atrous.weights.formats.files import Read, read_file
from atrous.weights.formats.protobuf import messages, number, parse
from atrous.weights.formats.sorted_table import TABLE_MARK, table_rows

_MAX_INDEX_BYTES, _MAX_DATA_BYTES = 64 << 20, 16 << 30
_DTYPES = {1: np.float32, 2: np.float64, 3: np.int32, 9: np.int64, 19: np.float16}
"""TensorFlow's numbers of the types that checkpoints of networks have."""


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


def read_tf_checkpoint(
    prefix: Path, *, read: Read = read_file
) -> Mapping[str, NDArray[np.generic]]:
    """Read every tensor of a checkpoint, and hold each against its checksum.

    Args:
        prefix: As from `checkpoint_prefix`.
        read: Where its files come from.

    Raises:
        WeightsError: If a file is missing, damaged, or holds what networks do not.
    """
    header, entries = read_tf_index(_index_of(prefix), read=read)
    shards = {
        number: _read_shard(prefix, number, header, read)
        for number in {entry.shard for entry in entries.values()}
    }
    left = sum(len(shard) for shard in shards.values())
    tensors = {}
    for name, entry in entries.items():
        tensors[name] = _tensor(name, entry, shards[entry.shard], prefix)
        left -= entry.size
        if left < 0:  # each would cost its whole size, however small the files are
            raise WeightsError(f"{prefix}: tensors up to {name} share places in the data files")
    return tensors


def read_tf_index(path: Path, *, read: Read = read_file) -> tuple[int, Mapping[str, Entry]]:
    """Read the table of a checkpoint: the number of its data files, and where each tensor is.

    Raises:
        WeightsError: If the file is missing or damaged.
    """
    table = read(path, _MAX_INDEX_BYTES)
    if not table.endswith(TABLE_MARK):
        raise WeightsError(f"{path}: not the index of a TensorFlow checkpoint, or truncated")
    try:
        rows = dict(table_rows(table))
        header = parse(rows.pop(b""))
        shards, endianness = number(header, 1), number(header, 2)
        entries = {key.decode(): _entry(value) for key, value in rows.items()}
    except (ValueError, KeyError, IndexError, UnicodeDecodeError) as error:
        raise WeightsError(f"{path}: the index is damaged ({error})") from None
    if endianness:
        raise WeightsError(f"{path}: values are big-endian; only little-endian ones are read")
    return shards, entries


def _index_of(prefix: Path) -> Path:
    return prefix.with_name(prefix.name + ".index")


def _entry(value: bytes) -> Entry:
    fields = parse(value)
    if 7 in fields:
        raise ValueError("a tensor is stored in slices, as only partitioned variables are")
    shape = next(messages(fields, 2), {})
    return Entry(
        dtype=number(fields, 1),
        shape=tuple(number(side, 1) for side in messages(shape, 2)),
        shard=number(fields, 3),
        offset=number(fields, 4),
        size=number(fields, 5),
        crc32c=number(fields, 6),
    )


# --- The values ---------------------------------------------------------------------------------


def _read_shard(prefix: Path, number: int, shards: int, read: Read) -> memoryview:
    path = prefix.with_name(f"{prefix.name}.data-{number:05d}-of-{shards:05d}")
    try:
        return memoryview(read(path, _MAX_DATA_BYTES))
    except WeightsError as error:
        raise WeightsError(f"{error}; a checkpoint is an .index and its .data") from None


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
