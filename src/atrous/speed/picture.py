"""Made-up pictures to measure with: smooth fields with edges and a little noise, as photos are."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from atrous.bands import RGB8, PixelKind
from atrous.imaging import Pixels, write_file

_NOISE = 6
_JPEG_QUALITY = 90
_CELL = 48
"""Pixels between the values that a field is drawn from."""


def drawn_pixels(size: tuple[int, int], channels: int = 3) -> Pixels:
    """A picture (H, W, channels) of 8 bits, always the same one for a size."""
    height, width = size
    random = np.random.default_rng(0)
    coarse = height // _CELL + 2, width // _CELL + 2
    layers = []
    for _ in range(channels):
        values = random.random(coarse, np.float32)
        field = np.asarray(cv2.resize(values, (width, height), interpolation=cv2.INTER_CUBIC))
        # Steps between the fields' levels are the edges of things.
        layers.append(40 * np.round(field * 4) + 30 * field)
    noise = random.normal(0, _NOISE, (height, width, channels))
    return np.asarray(np.clip(np.stack(layers, -1) + noise, 0, 255), np.uint8)


def write_picture(folder: Path, size: tuple[int, int], kind: PixelKind = RGB8) -> Path:
    """Write a made-up picture that a model can read: JPEG, or ``.npy`` for other kinds of pixels.

    Args:
        folder: Where to; it must be there.
        size: Height and width.
        kind: Channels and bits.
    """
    name = f"{size[0]}x{size[1]}"
    pixels = drawn_pixels(size, kind.channels)
    if kind == RGB8:
        path = folder / f"{name}.jpg"
        picture = Image.fromarray(pixels)
        write_file(path, lambda file: picture.save(file, "jpeg", quality=_JPEG_QUALITY))
        return path
    path = folder / f"{name}.npy"
    values = pixels if kind.bits == 8 else pixels.astype(np.uint16) * 257
    write_file(path, lambda file: np.save(file, values))
    return path
