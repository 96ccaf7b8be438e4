"""Read a TensorFlow checkpoint of the first kind (Saver V1): one file, without TensorFlow.

The file is a sorted table. Its first row, without a key, has names, shapes and types; each other
row has the values of one tensor, or of a slice of it where the network was split over machines. The
fields' numbers are those of TensorFlow's ``saved_tensor_slice.proto`` and ``tensor.proto``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from atrous.errors import WeightsError
from atrous.weights.formats.files import read_file
from atrous.weights.formats.protobuf import (
    Fields,
    content,
    float32s,
    messages,
    number,
    parse,
    text,
    varints,
)
from atrous.weights.formats.sorted_table import TABLE_MARK, table_rows

_MAX_BYTES = 2 << 30
_INTEGERS = {3: 7, 9: 10}
"""Where the values are, of TensorFlow's types int32 and int64."""


@dataclass(frozen=True)
class _Tensor:
    dtype: int
    shape: tuple[int, ...]


def find_v1_checkpoint(path: Path) -> Path | None:
    """The path, if it is a file that ends as a table does, and not the index of a newer kind.

    Raises:
        WeightsError: If the file cannot be read.
    """
    if not path.is_file() or path.suffix == ".index" or path.stat().st_size < len(TABLE_MARK):
        return None
    try:
        with path.open("rb") as file:
            file.seek(-len(TABLE_MARK), 2)
            return path if file.read() == TABLE_MARK else None
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror})") from None


def read_v1_checkpoint(path: Path) -> Mapping[str, NDArray[np.generic]]:
    """Read every tensor.

    Args:
        path: As from `find_v1_checkpoint`.

    Raises:
        WeightsError: If the file is damaged, or has tensors in slices or of other types than
            float32, int32 and int64.
    """
    table = read_file(path, _MAX_BYTES)
    try:
        return _tensors(table)
    except (ValueError, IndexError) as error:
        raise WeightsError(f"{path}: is a damaged checkpoint, or none ({error})") from None


def _tensors(table: bytes) -> dict[str, NDArray[np.generic]]:
    declared: dict[str, _Tensor] = {}
    found: dict[str, NDArray[np.generic]] = {}
    for key, value in table_rows(table):
        row = parse(value)
        if not key:
            about = messages(next(messages(row, 1), {}), 1)
            declared = {text(tensor, 1): _declared(tensor) for tensor in about}
            continue
        data = parse(content(row, 2))
        name = text(data, 1)
        if name in found or name not in declared:
            raise ValueError(f"{name!r} is stored twice or in slices, or was not announced")
        found[name] = _values(name, parse(content(data, 3)), declared[name])
    if missing := sorted(declared.keys() - found.keys()):
        raise ValueError(f"{len(missing)} tensors have no values, first {missing[0]!r}")
    return found


def _declared(fields: Fields) -> _Tensor:
    sides = messages(next(messages(fields, 2), {}), 2)
    return _Tensor(number(fields, 3), tuple(number(side, 1) for side in sides))


def _values(name: str, fields: Fields, tensor: _Tensor) -> NDArray[np.generic]:
    values: NDArray[np.generic]
    if tensor.dtype == 1:
        values = float32s(fields, 5)
    elif tensor.dtype in _INTEGERS:
        # Negative numbers are stored as what they are modulo 2**64.
        unsigned = np.array(varints(fields, _INTEGERS[tensor.dtype]), np.uint64)
        values = unsigned.view(np.int64)
    else:
        raise ValueError(f"{name} is of TensorFlow's type {tensor.dtype}, which is not read")
    if values.size != prod(tensor.shape):
        raise ValueError(f"{name} of shape {list(tensor.shape)} has {values.size} values")
    return values.reshape(tensor.shape)
