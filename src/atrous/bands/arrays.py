"""NumPy's ``.npy`` files: one array of pixels, nothing that is executed."""

import math
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from atrous.bands.kind import MAX_CHANNELS
from atrous.errors import InputError
from atrous.imaging import Pixels

MAGIC = b"\x93NUMPY"
_MOST_HEADER = 10_000
"""Characters; the header of an array of numbers has about a hundred."""


def read_array(file: IO[bytes], *, channels: int | None, max_values: int, name: str) -> Pixels:
    """Read pixels from a ``.npy`` file.

    Args:
        file: At its beginning.
        channels: How many are wanted, which tells (H, W, C) from (C, H, W).
        max_values: Largest number of values that is read.
        name: The file, for messages.

    Returns:
        (H, W, C).

    Raises:
        InputError: If it is another kind of array, or cut short.
    """
    shape, fortran, dtype = _read_header(file, name)
    plain = dtype.kind == "u" and dtype.itemsize in (1, 2)
    if not plain or len(shape) not in (2, 3) or not all(shape):
        raise InputError(
            f"{name}: holds an array of shape {shape} and type {dtype}; expected (H, W), "
            "(H, W, C) or (C, H, W) of uint8 or uint16"
        )
    count = math.prod(shape)
    if count > max_values:
        raise InputError(
            f"{name}: {count / 1e6:.0f} million values, more than the limit of "
            f"{max_values / 1e6:.0f}; cut it into pieces"
        )
    content = file.read(count * dtype.itemsize)
    if len(content) < count * dtype.itemsize:
        raise InputError(f"{name}: damaged or truncated (its {count} values are not all there)")
    values = np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C")
    pixels = channels_last(values, channels, name)
    if dtype.itemsize == 2:
        return np.ascontiguousarray(pixels, np.uint16)
    return np.ascontiguousarray(pixels, np.uint8)


def _read_header(file: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    # NumPy evaluates a header as a literal alone, and raises ValueError for all that it refuses.
    try:
        version = np.lib.format.read_magic(file)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran, dtype = read(file, max_header_size=_MOST_HEADER)
    except (KeyError, ValueError, TypeError, SyntaxError, RecursionError, UnicodeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{name}: not a whole .npy file ({reason})") from None
    if any(side < 0 for side in shape):
        raise InputError(f"{name}: not a whole .npy file (its shape is {shape})")
    return shape, fortran, dtype


def channels_last(values: NDArray[Any], channels: int | None, name: str) -> NDArray[Any]:
    """(H, W), (H, W, C) or (C, H, W) -> (H, W, C).

    The channels are on the last axis if it has as many as are wanted, else on the first if that
    has; if neither, or none are wanted, on the shorter of the two.

    Raises:
        InputError: If there are too many of them.
    """
    if values.ndim == 2:
        return values[..., None]
    first, last = values.shape[0], values.shape[2]
    on_first = first < last if channels not in (first, last) else last != channels
    if min(first, last) > MAX_CHANNELS:
        raise InputError(
            f"{name}: an array of shape {values.shape} has no axis of at most {MAX_CHANNELS} "
            "channels; expected (H, W, C) or (C, H, W)"
        )
    return np.moveaxis(values, 0, 2) if on_first else values
