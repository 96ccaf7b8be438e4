"""PNG files of label maps, written several times faster than general writers do.

Label maps are long runs of the same values, one row much like the next. So each row is stored as
its difference from the row above (the filter "up"), and zlib looks for nothing but runs. The format
is that of the PNG specification, third edition.
"""

import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _PALETTE = 0, 3
_UP = 2


def png_of_indices(
    labels: NDArray[np.uint8 | np.uint16], palette: Sequence[tuple[int, int, int]]
) -> bytes:
    """Class indices as a PNG: of 8 bits with a palette of 256 colours, or of 16 bits in grey.

    Args:
        labels: (H, W).
        palette: A colour for each class; of 16-bit labels none is kept.
    """
    height, width = labels.shape
    deep = labels.dtype == np.uint16
    bits, kind = (16, _GREY) if deep else (8, _PALETTE)
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    # All 256 entries are there: readers of a shorter palette may refuse a 255.
    colors = [*palette, *[(255, 255, 255)] * 256][:256]
    rows = labels.astype(">u2" if deep else np.uint8, copy=False)
    parts = [
        _chunk(b"IHDR", header),
        b"" if deep else _chunk(b"PLTE", bytes(value for color in colors for value in color)),
        _chunk(b"IDAT", _compressed(np.ascontiguousarray(rows).view(np.uint8))),
        _chunk(b"IEND", b""),
    ]
    return _SIGNATURE + b"".join(parts)


def _compressed(rows: NDArray[np.uint8]) -> bytes:
    """(H, bytes of a row) -> what the image data chunk holds."""
    filtered = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = _UP
    filtered[0, 1:] = rows[0]  # above the first row there are zeros
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    packer = zlib.compressobj(level=1, memLevel=9, strategy=zlib.Z_RLE)
    return packer.compress(filtered.data) + packer.flush()


def _chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(content, zlib.crc32(name))
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)
