"""Files of MATLAB 5 as the Semantic Boundaries Dataset has them, written byte by byte."""

import struct
import zlib

import numpy as np

UINT8, INT32, UINT32, INT8 = 2, 5, 6, 1
STRUCT, CHAR, DOUBLE, BYTES = 2, 4, 6, 9


def element(kind: int, content: bytes, *, order: str = "<") -> bytes:
    if 0 < len(content) <= 4:
        return struct.pack(f"{order}I", len(content) << 16 | kind) + content.ljust(4, b"\0")
    return struct.pack(f"{order}2I", kind, len(content)) + content + bytes(-len(content) % 8)


def array(
    kind: int, shape: tuple[int, ...], *rest: bytes, name: str = "", order: str = "<"
) -> bytes:
    parts = (
        element(UINT32, struct.pack(f"{order}2I", kind, 0), order=order),
        element(INT32, struct.pack(f"{order}{len(shape)}i", *shape), order=order),
        element(INT8, name.encode(), order=order),
        *rest,
    )
    return element(14, b"".join(parts), order=order)


def structure(fields: dict[str, bytes], *, name: str = "GTcls", order: str = "<") -> bytes:
    names = b"".join(field.encode().ljust(32, b"\0") for field in fields)
    width = element(INT32, struct.pack(f"{order}i", 32), order=order)
    parts = (width, element(INT8, names, order=order), *fields.values())
    return array(STRUCT, (1, 1), *parts, name=name, order=order)


def whole(*variables: bytes, compressed: bool = True, order: str = "<") -> bytes:
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(f"{order}2H", 0x0100, 0x4D49)
    if not compressed:
        return header + b"".join(variables)
    packed = [zlib.compress(variable) for variable in variables]
    return header + b"".join(struct.pack(f"{order}2I", 15, len(part)) + part for part in packed)


def mat_file(labels: np.ndarray, *, compressed: bool = True, order: str = "<") -> bytes:
    """GTcls.Segmentation of (H, W) bytes, behind a field of another kind."""
    pixels = element(UINT8, labels.astype(np.uint8).tobytes(order="F"), order=order)
    fields = {
        "Boundaries": array(CHAR, (0, 0), order=order),
        "Segmentation": array(BYTES, labels.shape, pixels, order=order),
    }
    other = array(DOUBLE, (1, 1), element(UINT8, b"\7", order=order), name="more", order=order)
    return whole(other, structure(fields, order=order), compressed=compressed, order=order)
