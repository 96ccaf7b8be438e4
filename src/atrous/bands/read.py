"""Read pixels of the kind that a network wants.

8-bit RGB is `atrous.imaging`'s. Where other pixels are wanted, a file's channels come as they are
stored, and what does not fit is refused.
"""

from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from atrous.bands import arrays, tiff
from atrous.bands.kind import RGB8, PixelKind, kind_of
from atrous.errors import InputError
from atrous.imaging import (
    MAX_PIXELS,
    Picture,
    Pixels,
    count_frames,
    decoding,
    how_stored,
    open_picture,
    orientation_of,
    read_image,
    upright,
)
from atrous.imaging import (
    picture_from_pillow as rgb_from_pillow,
)

_MAX_VALUES = 170_000_000
"""Values of a picture of several channels; Pillow's own limit lies a little above."""
_DEEP_PNG = {"RGB;16B": [2, 1, 0], "RGBA;16B": [2, 1, 0, 3], "LA;16B": [0, -1]}
"""Order of OpenCV's channels in RGB, by the packings of PNG that Pillow would cut to 8 bits."""
_CLEAR_MODES = {"LA", "La", "RGBA", "RGBa", "PA"}


def read_pixels(
    source: Path | IO[bytes],
    kind: PixelKind | None = RGB8,
    *,
    max_pixels: int = MAX_PIXELS,
    name: str = "the given stream",
) -> Picture:
    """Read a picture, upright, as pixels of a kind.

    For `RGB8` this is `atrous.imaging.read_image`. For other kinds: 16 bits are scaled to 8 where
    8 are wanted, and never the other way round; grey stands for three equal channels and three
    equal ones for grey; transparency is a channel where 2 or 4 are wanted, and laid on white or
    left out otherwise. ``.npy`` files hold (H, W), (H, W, C) or (C, H, W).

    Args:
        source: A file, or an open binary stream.
        kind: What is wanted; None for what the file holds, without transparency.
        max_pixels: Largest height times width that is decoded.
        name: What messages call a stream.

    Raises:
        InputError: If the file cannot be read, or does not hold pixels that can stand for ``kind``.
    """
    name = str(source) if isinstance(source, Path) else name
    start = _start_of(source)
    picture = None
    if start.startswith(arrays.MAGIC):
        picture = _read_array(source, kind, max_pixels, name)
    elif start[:4] in tiff.MAGICS:
        picture = _read_tiff(source, kind, max_pixels, name)
    elif kind == RGB8:
        return read_image(source, max_pixels=max_pixels, name=name)
    if picture is None:
        with open_picture(source, max_pixels=max_pixels, name=name) as image:
            picture = rgb_from_pillow(image) if kind == RGB8 else _as_stored(image, source, kind)
    return _fit(picture, kind, name)


def pixels_from_pillow(image: Image.Image, kind: PixelKind) -> Picture:
    """Pixels of a kind from an image that Pillow has already opened.

    Raises:
        InputError: If it cannot be decoded, or has other pixels.
    """
    name = "the given image"
    if kind == RGB8:
        return rgb_from_pillow(image)
    with decoding(name):
        return _fit(_as_stored(image, None, kind), kind, name)


def pixels_from_array(values: NDArray[Any], kind: PixelKind) -> Picture:
    """Pixels of a kind from an array, (H, W, C) or, of one channel, (H, W).

    Raises:
        InputError: If it is of another shape or type.
    """
    pixels = values[..., None] if values.ndim == 2 and kind.channels == 1 else values
    dtype = np.dtype(f"uint{kind.bits}")
    shaped = pixels.ndim == 3 and pixels.shape[2] == kind.channels
    if not shaped or pixels.dtype != dtype or not pixels.size:
        order = " in the order red, green, blue" if kind == RGB8 else ""
        raise InputError(
            f"an array of shape {values.shape} and type {values.dtype} is no picture for this "
            f"model; expected (H, W, {kind.channels}) {dtype}{order}"
        )
    return Picture(np.ascontiguousarray(pixels))


def _start_of(source: Path | IO[bytes]) -> bytes:
    if not isinstance(source, Path):
        start = source.read(8)
        source.seek(0)
        return start
    if not source.is_file():  # a pipe can be read only once
        return b""
    try:
        with source.open("rb") as file:
            return file.read(8)
    except OSError:
        return b""  # the reader meets the same and says so


def _read_array(
    source: Path | IO[bytes], kind: PixelKind | None, max_pixels: int, name: str
) -> Picture:
    if isinstance(source, Path):
        with decoding(name), source.open("rb") as file:
            return _read_array(file, kind, max_pixels, name)
    channels = kind.channels if kind else None
    with decoding(name):
        pixels = arrays.read_array(source, channels=channels, max_values=_MAX_VALUES, name=name)
    height, width = pixels.shape[:2]
    _refuse_large(height, width, max_pixels, name)
    return Picture(pixels)


def _read_tiff(
    source: Path | IO[bytes], kind: PixelKind | None, max_pixels: int, name: str
) -> Picture | None:
    """None for what Pillow reads as it is wanted."""
    if isinstance(source, Path):
        with decoding(name), source.open("rb") as file:
            return _read_tiff(file, kind, max_pixels, name)
    with decoding(name):
        header = tiff.read_header(source)
        source.seek(0)
        if header.channels <= 4 and not (header.is_plain and _is_wanted(header, kind)):
            return None
        _refuse_large(*header.size, max_pixels, name)
        pixels = tiff.read_tiff(source, header, max_values=_MAX_VALUES, name=name)
    notes = ["holds several pages; the first was taken"] if header.more_pages else []
    if header.has_alpha and not _keeps_alpha(kind):
        pixels = _without_alpha(pixels, notes)
    return Picture(pixels, tuple(notes))


def _is_wanted(header: tiff.Header, kind: PixelKind | None) -> bool:
    """Whether a TIFF is read as it is stored; where RGB is wanted only what Pillow mistakes.

    That are three channels that are not called RGB, and a fourth that is not called transparency.
    """
    if kind != RGB8 or (header.channels == 4 and not header.has_alpha):
        return True
    odd = header.photometric == 1 or header.planes
    return header.channels == 3 and header.bits[0] == 8 and odd


def _refuse_large(height: int, width: int, max_pixels: int, name: str) -> None:
    if height * width > max_pixels:
        raise InputError(
            f"{name}: {width} x {height} is {width * height / 1e6:.0f} megapixels, more than the "
            f"limit of {max_pixels / 1e6:.0f}; scale it down or cut it"
        )


def _keeps_alpha(kind: PixelKind | None) -> bool:
    return kind is not None and kind.channels in (2, 4)


def _without_alpha(pixels: Pixels, notes: list[str]) -> Pixels:
    highest = kind_of(pixels).highest
    if pixels.shape[2] > 1 and (pixels[..., -1] < highest).any():
        notes.append("its transparency was left out")
    return np.ascontiguousarray(pixels[..., :-1]) if pixels.shape[2] > 1 else pixels


def _as_stored(
    image: Image.Image, source: Path | IO[bytes] | None, kind: PixelKind | None
) -> Picture:
    """The channels that an image holds, of 8 or 16 bits; what has other bits becomes RGB."""
    notes: list[str] = []
    packing = how_stored(image).packing
    if count_frames(image) > 1:
        notes.append("holds several frames or pages; the first was taken")
    if image.format == "PNG" and packing in _DEEP_PNG and source is not None:
        pixels = _deep_png(image, source, packing)
        if packing != "RGB;16B" and not _keeps_alpha(kind):
            pixels = _without_alpha(pixels, notes)
        return Picture(pixels, tuple(notes))
    if image.mode.startswith("I"):
        values = np.asarray(upright(image, notes))
        if values.min() >= 0 and values.max() <= 65_535:
            return Picture(values.astype(np.uint16)[..., None], tuple(notes))
    clear = image.mode in _CLEAR_MODES or "transparency" in image.info
    if clear and _keeps_alpha(kind):
        grey = image.mode in {"L", "LA", "La"}
        straight = upright(image, notes).convert("LA" if grey else "RGBA")
        return Picture(np.asarray(straight), tuple(notes))
    if image.mode in {"1", "L"} and not clear:
        return Picture(np.asarray(upright(image, notes).convert("L"))[..., None], tuple(notes))
    picture = rgb_from_pillow(image)
    grey = image.mode in {"L", "LA", "La"}
    return Picture(picture.pixels[..., :1] if grey else picture.pixels, picture.notes)


def _deep_png(image: Image.Image, source: Path | IO[bytes], packing: str) -> Pixels:
    """(H, W, C) of 16 bits, which OpenCV keeps."""
    image.load()  # Pillow holds the file against its checksums, and refuses damage
    if isinstance(source, Path):
        content = source.read_bytes()
    else:
        source.seek(0)
        content = source.read()
    flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    decoded = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    if decoded is None or decoded.ndim != 3 or decoded.dtype != np.uint16:
        raise ValueError("its 16-bit channels cannot be decoded")
    pixels = decoded[..., _DEEP_PNG[packing]]
    turn = tiff.TURNED.get(orientation_of(image))
    return np.ascontiguousarray(turn(pixels) if turn else pixels, np.uint16)


def _fit(picture: Picture, kind: PixelKind | None, name: str) -> Picture:
    """Bring pixels to the kind that is wanted, where none has to be made up.

    Raises:
        InputError: If they have another number of channels, or fewer bits.
    """
    pixels = picture.pixels
    if kind is None or kind_of(pixels) == kind:
        return picture
    found, pixels = kind_of(pixels), _fit_channels(pixels, kind.channels)
    if pixels.shape[2] != kind.channels:
        raise InputError(
            f"{name}: found {found}, expected {kind}; give pictures with the channels that the "
            f"model was trained on, or train one with in_channels = {found.channels}"
        )
    if found.bits < kind.bits:
        raise InputError(
            f"{name}: found {found}, expected {kind}; give the picture with all its bits, or train "
            "a model with bits = 8"
        )
    if found.bits > kind.bits:
        # 65535 is 257 times 255; half of 257 rounds to the nearest.
        pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return Picture(np.ascontiguousarray(pixels), picture.notes)


def _fit_channels(pixels: Pixels, wanted: int) -> Pixels:
    if pixels.shape[2] == 1 and wanted == 3:
        return np.repeat(pixels, 3, axis=2)
    if pixels.shape[2] == 3 and wanted == 1 and (pixels == pixels[..., :1]).all():
        return pixels[..., :1]
    return pixels
