"""Made-up pictures of many channels, written by hand as the TIFF specification says."""

import struct
import zlib
from pathlib import Path

import numpy as np


def draw_bands(
    channels: int, dtype: type = np.uint16, size: tuple[int, int] = (11, 14)
) -> np.ndarray:
    """(H, W, C) of random values."""
    random = np.random.default_rng(channels)
    return random.integers(0, np.iinfo(dtype).max + 1, (*size, channels)).astype(dtype)


def write_tiff(
    path: Path,
    pixels: np.ndarray,
    *,
    order: str = "<",
    planes: bool = False,
    deflate: bool = False,
    differences: bool = False,
    tile: int = 0,
    tags: dict[int, list[int]] | None = None,
) -> Path:
    """Write (H, W, C) as one page; strips of 4 rows, or square tiles of ``tile``."""
    height, width, channels = pixels.shape
    layers = [pixels[..., [c]] for c in range(channels)] if planes else [pixels]
    side = tile or max(width, 4)
    parts = [
        part
        for layer in layers
        for top in range(0, height, tile or 4)
        for left in range(0, width, tile or width)
        for part in [_part(layer, top, left, tile)]
    ]
    packed = [_pack(part, order, deflate, differences) for part in parts]
    offsets = [8 + sum(map(len, packed[:i])) for i in range(len(packed))]
    said: dict[int, list[int]] = {
        256: [width],
        257: [height],
        258: [pixels.dtype.itemsize * 8] * channels,
        259: [8 if deflate else 1],
        262: [1],
        277: [channels],
        284: [2 if planes else 1],
        317: [2 if differences else 1],
    }
    counts = [len(part) for part in packed]
    if tile:
        said |= {322: [side], 323: [side], 324: offsets, 325: counts}
    else:
        said |= {273: offsets, 278: [4], 279: counts}
    data = b"".join(packed)
    path.write_bytes(_file(data, said | (tags or {}), order))
    return path


def _part(layer: np.ndarray, top: int, left: int, tile: int) -> np.ndarray:
    if not tile:
        return layer[top : top + 4]
    cut = layer[top : top + tile, left : left + tile]
    return np.pad(cut, ((0, tile - cut.shape[0]), (0, tile - cut.shape[1]), (0, 0)))


def _pack(part: np.ndarray, order: str, deflate: bool, differences: bool) -> bytes:
    if differences:
        part = np.diff(part, axis=1, prepend=part.dtype.type(0))
    content = part.astype(part.dtype.newbyteorder(order)).tobytes()
    return zlib.compress(content) if deflate else content


def _file(data: bytes, tags: dict[int, list[int]], order: str) -> bytes:
    data += b"\0" * (len(data) % 2)
    start = 8 + len(data)
    entries, far = b"", b""
    behind = start + 2 + 12 * len(tags) + 4
    for tag, values in sorted(tags.items()):
        place = struct.pack(f"{order}{len(values)}I", *values)
        if len(values) > 1:
            place, far = struct.pack(f"{order}I", behind + len(far)), far + place
        entries += struct.pack(f"{order}HHI", tag, 4, len(values)) + place
    magic = b"II*\0" if order == "<" else b"MM\0*"
    directory = struct.pack(f"{order}H", len(tags)) + entries + b"\0\0\0\0"
    return magic + struct.pack(f"{order}I", start) + data + directory + far
