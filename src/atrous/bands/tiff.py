"""TIFF of any number of channels, of 8 or 16 bits.

Pillow decodes grey of 16 bits in every usual compression, but no two such channels. What lies
chunky in a file, one pixel's channels behind each other, is also a grey picture that is as many
times wider, and what lies in planes is one grey picture each. So the header is written anew for
such a picture, and Pillow decodes that.
"""

import io
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from atrous.bands.kind import MAX_CHANNELS
from atrous.errors import InputError
from atrous.imaging import Pixels

MAGICS = (b"II*\0", b"MM\0*", b"II+\0")
_COMPRESSIONS = {1: "none", 5: "LZW", 8: "Deflate", 32946: "Deflate", 32773: "PackBits"}
_DIFFERENCED = (5, 8, 32946)
"""Compressions in front of which each value may be replaced by its step from the one before."""
_MAX_BYTES = 1 << 31
_MOST_PACKED = 2048
"""Times that a compression here can make its input larger, amply; Deflate reaches 1032."""
_LONG = 4
TURNED: Mapping[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    2: np.fliplr,
    3: lambda pixels: pixels[::-1, ::-1],
    4: np.flipud,
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: partial(np.rot90, k=-1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}
"""What makes pixels upright, by the value of the orientation tag."""


@dataclass(frozen=True)
class Header:
    """What the first page of a TIFF says of itself."""

    size: tuple[int, int]
    """Height and width."""
    channels: int
    bits: tuple[int, ...]
    unsigned: bool
    photometric: int
    compression: int
    predictor: int
    planes: bool
    """Whether each channel lies on its own."""
    fill_order: int
    orientation: int
    has_alpha: bool
    """Whether the last channel is said to be transparency."""
    tile: tuple[int, int] | None
    """Height and width of tiles; None for strips."""
    rows: int
    """Rows of a strip."""
    offsets: tuple[int, ...]
    counts: tuple[int, ...]
    big_endian: bool
    more_pages: bool

    @property
    def is_plain(self) -> bool:
        """Whether `read_tiff` can read it."""
        return (
            len(self.bits) == self.channels
            and set(self.bits) in ({8}, {16})
            and self.unsigned
            and self.compression in _COMPRESSIONS
            and self.predictor in (1, 2)
            and self.fill_order == 1
            and (self.photometric in (1, 2) or self.channels > 4)
        )


def read_header(file: IO[bytes]) -> Header:
    """Read the header of the first page, whatever it holds; damage raises what Pillow raises."""
    file.seek(0)
    start = file.read(8)
    ifd = ImageFileDirectory_v2(start + (file.read(8) if start[2] == 43 else b""))
    file.seek(ifd.next)
    ifd.load(file)
    channels = _number(ifd, 277, 1)
    width, height = _number(ifd, 256), _number(ifd, 257)
    tiled = 322 in ifd
    if min(channels, width, height) < 1:
        raise ValueError(f"{width} x {height} pixels of {channels} channels")
    bits = _numbers(ifd, 258, (1,))
    return Header(
        size=(height, width),
        channels=channels,
        bits=bits * channels if len(bits) == 1 and channels <= MAX_CHANNELS else bits,
        unsigned=set(_numbers(ifd, 339, (1,))) == {1},
        photometric=_number(ifd, 262, 1),
        compression=_number(ifd, 259, 1),
        predictor=_number(ifd, 317, 1),
        planes=_number(ifd, 284, 1) == 2 and channels > 1,
        fill_order=_number(ifd, 266, 1),
        orientation=_number(ifd, 274, 1),
        has_alpha=_numbers(ifd, 338, (0,))[-1] in (1, 2),
        tile=(_number(ifd, 323), _number(ifd, 322)) if tiled else None,
        rows=min(_number(ifd, 278, height), height),
        offsets=_numbers(ifd, 324 if tiled else 273, ()),
        counts=_numbers(ifd, 325 if tiled else 279, ()),
        big_endian=start[:1] == b"M",
        more_pages=bool(ifd.next),
    )


def _number(ifd: ImageFileDirectory_v2, tag: int, default: int | None = None) -> int:
    return _numbers(ifd, tag, None if default is None else (default,))[0]


def _numbers(
    ifd: ImageFileDirectory_v2, tag: int, default: tuple[int, ...] | None = None
) -> tuple[int, ...]:
    value = ifd.get(tag, default)
    values = value if isinstance(value, tuple) else (value,)
    if not all(isinstance(one, int) and one >= 0 for one in values):
        raise ValueError(f"tag {tag} is {value!r}"[:80])
    return values


def read_tiff(file: IO[bytes], header: Header, *, max_values: int, name: str) -> Pixels:
    """Decode the first page as it is stored.

    Args:
        file: The file that ``header`` was read from.
        header: What `read_header` gave.
        max_values: Largest height times width times channels that is decoded.
        name: The file, for messages.

    Returns:
        (H, W, C), turned upright.

    Raises:
        InputError: If it is of a form that is not read, or too large.
    """
    (height, width), channels = header.size, header.channels
    if not header.is_plain or channels > MAX_CHANNELS:
        raise InputError(
            f"{name}: a TIFF of {channels} channels of {sorted(set(header.bits))} bits, "
            f"compression {header.compression}; such files are read with at most {MAX_CHANNELS} "
            f"channels of unsigned 8 or 16 bits, and {', '.join(sorted({*_COMPRESSIONS.values()}))}"
        )
    if height * width * channels > max_values:
        raise InputError(
            f"{name}: {width} x {height} pixels of {channels} channels are "
            f"{height * width * channels / 1e6:.0f} million values, more than the limit of "
            f"{max_values / 1e6:.0f}; cut it into pieces"
        )
    file.seek(0)
    content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise InputError(f"{name}: more than {_MAX_BYTES >> 30} GiB; cut it into pieces")
    if header.tile and header.tile[0] * header.tile[1] * channels > max_values:
        raise InputError(f"{name}: damaged (tiles of {header.tile[1]} x {header.tile[0]} pixels)")
    most = len(content) * (1 if header.compression == 1 else _MOST_PACKED)
    if height * width * channels * header.bits[0] // 8 > most:
        raise InputError(f"{name}: damaged or truncated (it cannot hold {width} x {height} pixels)")
    parts = _parts(header)
    if not len(header.offsets) == len(header.counts) == parts * (channels if header.planes else 1):
        raise InputError(f"{name}: damaged or truncated (parts of the picture are missing)")
    if header.planes:
        slices = (slice(plane * parts, (plane + 1) * parts) for plane in range(channels))
        planes = [_decode(content, header, part, per_pixel=1) for part in slices]
        pixels = np.concatenate(planes, axis=2)
    else:
        pixels = _decode(content, header, slice(None), per_pixel=channels)
    turn = TURNED.get(header.orientation)
    return np.ascontiguousarray(turn(pixels) if turn else pixels)


def _parts(header: Header) -> int:
    """Strips or tiles of one plane."""
    height, width = header.size
    if header.tile is None:
        return -(-height // max(header.rows, 1))
    rows, columns = (max(side, 1) for side in header.tile)
    return -(-height // rows) * -(-width // columns)


def _decode(content: bytes, header: Header, part: slice, *, per_pixel: int) -> NDArray[Any]:
    """Some strips or tiles as (H, W, per_pixel)."""
    height, width = header.size
    file = io.BytesIO(_as_grey(content, header, part, per_pixel))
    with Image.open(file, formats=("TIFF",)) as grey:
        values = np.asarray(grey)
    wanted = np.uint16 if header.bits[0] == 16 else np.uint8
    pixels = values.reshape(height, width, per_pixel).astype(wanted, copy=False)
    if header.predictor == 2 and header.compression in _DIFFERENCED:
        step = header.tile[1] if header.tile else width
        rows = [
            np.cumsum(pixels[:, left : left + step], axis=1, dtype=wanted)
            for left in range(0, width, step)
        ]
        return np.concatenate(rows, axis=1)
    return pixels


def _as_grey(content: bytes, header: Header, part: slice, per_pixel: int) -> bytes:
    """The file with a header that makes a grey picture of it, ``per_pixel`` times as wide."""
    height, width = header.size
    tags: dict[int, Sequence[int]] = {
        256: [width * per_pixel],
        257: [height],
        258: [header.bits[0]],
        259: [header.compression],
        262: [1],
        277: [1],
    }
    offsets, counts = header.offsets[part], header.counts[part]
    if header.tile:
        rows, columns = header.tile
        tags |= {322: [columns * per_pixel], 323: [rows], 324: offsets, 325: counts}
    else:
        tags |= {273: offsets, 278: [header.rows], 279: counts}
    order = ">" if header.big_endian else "<"
    tail, entries = b"\0" * (len(content) % 2), b""
    for tag, values in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(values)}I", *values)
        place = packed
        if len(values) > 1:
            place = struct.pack(f"{order}I", len(content) + len(tail))
            tail += packed
        entries += struct.pack(f"{order}HHI", tag, _LONG, len(values)) + place
    directory = struct.pack(f"{order}H", len(tags)) + entries + b"\0\0\0\0"
    magic = b"MM\0*" if header.big_endian else b"II*\0"
    start = magic + struct.pack(f"{order}I", len(content) + len(tail))
    return start + content[len(start) :] + tail + directory
