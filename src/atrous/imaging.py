"""Pictures and label maps from files and back, safely.

Pillow identifies a file by its content, from a short list of formats, and its size is looked at
before anything is decoded. Everything comes out as 8-bit RGB, turned as its EXIF tag says.
"""

import contextlib
import errno
import io
import os
import secrets
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

from atrous.errors import AtrousError, DatasetError, InputError, ResourceError
from atrous.labels import Color
from atrous.png import png_of_indices

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "AVIF")
"""Formats that are read; PSD, EPS, PDF, FITS and other parsers are never reached."""

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm", ".pgm", ".avif"}
    | {".npy"}
)
"""Endings by which a folder's pictures are found; the content decides what they are."""

MAX_PIXELS = 100_000_000
"""Pictures with more pixels are refused from their header."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture upright, by the value of its EXIF orientation."""

_PACKED_GREY = {"L;2": 85, "L;4": 17}
"""Pillow spreads grey of 2 and 4 bits over 0..255; divided by this it is what the file holds."""

_WRITTEN = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}

_PILLOW_LIMIT = Image.MAX_IMAGE_PIXELS or MAX_PIXELS
"""Pillow itself refuses pictures of more than twice this, whatever our own limit is."""

Pixels: TypeAlias = NDArray[np.uint8 | np.uint16]
"""(H, W, C); (H, W, 3) of 8 bits are RGB."""
LabelMap: TypeAlias = NDArray[np.uint8 | np.uint16]
"""(H, W) class indices."""


@dataclass(frozen=True)
class Picture:
    """A decoded picture."""

    pixels: Pixels
    """(H, W, 3) RGB, upright."""
    notes: tuple[str, ...] = ()
    """What had to be decided while reading, for the user to know."""


def read_image(
    source: Path | IO[bytes],
    *,
    max_pixels: int = MAX_PIXELS,
    name: str = "the given stream",
) -> Picture:
    """Read a picture as upright 8-bit RGB.

    16-bit grey is scaled from 0..65535, other deep formats from their own range; transparency is
    laid on white; of an animation or a stack of pages the first is taken. What was decided is in
    ``notes``.

    Args:
        source: A file, or an open binary stream.
        max_pixels: Largest height times width that is decoded.
        name: What messages call a stream.

    Raises:
        InputError: If the file is missing, empty, not a picture, damaged or too large.
    """
    with _opened(source, str(source) if isinstance(source, Path) else name, max_pixels) as image:
        return _picture_from(image)


def picture_from_pillow(image: Image.Image) -> Picture:
    """A picture from an image that Pillow has already opened.

    Raises:
        InputError: If it cannot be decoded.
    """
    with decoding("the given image"):
        return _picture_from(image)


def read_labels(path: Path, *, max_pixels: int = MAX_PIXELS) -> LabelMap:
    """Read the raw class indices of a label map; palette colours are not looked at.

    Raises:
        InputError: If the file cannot be read.
        DatasetError: If it holds colours instead of indices.
    """
    labels = read_raw_labels(path, max_pixels=max_pixels)
    if labels.ndim != 2:
        raise DatasetError(
            f"{path}: holds RGB colours; expected one class index for each pixel "
            "(a palette or grey PNG)"
        )
    return labels


def read_raw_labels(
    source: Path | IO[bytes],
    *,
    max_pixels: int = MAX_PIXELS,
    name: str = "the given stream",
) -> LabelMap | Pixels:
    """Read what a label map holds: (H, W) numbers, or (H, W, 3) RGB colours.

    Args:
        source: A file, or an open binary stream.
        max_pixels: Largest height times width that is decoded.
        name: What messages call a stream.

    Raises:
        InputError: If the file cannot be read.
        DatasetError: If it is neither, or was stored with loss.
    """
    name = str(source) if isinstance(source, Path) else name
    with _opened(source, name, max_pixels) as image:
        lossy = _lossy_compression(image)
        if lossy:
            raise DatasetError(
                f"{name}: label maps must be stored without loss, not as {lossy}, whose "
                "compression invents class indices along edges; save them as PNG"
            )
        numbers = grey_values(image)
        if numbers is not None:
            return _as_indices(numbers, name)
        values = np.asarray(upright(image, []))
        opaque = image.mode == "RGBA" and bool((values[..., 3] == 255).all())
        if image.mode == "RGB" or opaque:
            return np.ascontiguousarray(values[..., :3])
        raise DatasetError(
            f"{name}: holds {image.mode} colours; expected one class index for each pixel "
            "(a palette or grey PNG), or opaque RGB colours"
        )


@dataclass(frozen=True)
class Stored:
    """How a file holds its picture, known without decoding it."""

    format: str
    packing: str
    """Pillow's name of how the pixels are packed, such as ``L;4`` or ``RGB;16B``."""
    lossy: str | None
    """The compression, if it changes values."""


def how_stored(image: Image.Image) -> Stored:
    """How an image from `open_picture` is stored; to be asked before it is decoded."""
    return Stored(image.format or "", _stored_as(image), _lossy_compression(image))


@contextlib.contextmanager
def open_picture(
    source: Path | IO[bytes],
    *,
    max_pixels: int = MAX_PIXELS,
    name: str = "the given stream",
) -> Iterator[Image.Image]:
    """A picture whose format and size are known and which is not decoded yet.

    Whatever its decoder raises inside the block comes out as the errors below.

    Raises:
        InputError: If the file is missing, empty, not a picture, damaged or too large.
    """
    with _opened(source, str(source) if isinstance(source, Path) else name, max_pixels) as image:
        yield image


def grey_values(image: Image.Image) -> NDArray[np.generic] | None:
    """The numbers that an image of one channel holds, (H, W); palette colours are not looked at.

    Returns:
        uint8, or wider integers as stored; None for images of several channels and of floats.
    """
    packed = _PACKED_GREY.get(_stored_as(image), 1)
    turned = upright(image, [])
    if turned.mode in {"P", "L"}:
        return np.asarray(np.asarray(turned) // packed, dtype=np.uint8)
    if turned.mode == "1":
        return np.asarray(turned).astype(np.uint8)
    return np.asarray(turned) if turned.mode.startswith("I") else None


def _lossy_compression(image: Image.Image) -> str | None:
    if image.format in {"JPEG", "MPO", "WEBP", "AVIF"}:
        return image.format
    compression = str(image.info.get("compression", ""))
    return f"{compression.upper()} in {image.format}" if "jpeg" in compression else None


def _stored_as(image: Image.Image) -> str:
    """Pillow's name of how pixels are packed in the file; it is forgotten once they are read."""
    tiles = getattr(image, "tile", None)
    if not tiles:
        return image.mode
    packing = tiles[0][3]
    return str(packing[0] if isinstance(packing, tuple) else packing)


def _as_indices(values: NDArray[np.generic], name: str) -> LabelMap:
    if values.dtype == np.uint8:
        return np.asarray(values, dtype=np.uint8)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65_535:
        raise DatasetError(
            f"{name}: holds values from {low} to {high}; class indices go from 0 to 65535"
        )
    return values.astype(np.uint16)


@contextlib.contextmanager
def _opened(source: Path | IO[bytes], name: str, max_pixels: int) -> Iterator[Image.Image]:
    # The context spans the caller's use, so that what Pillow finds while decoding is caught too.
    with decoding(name), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if isinstance(source, Path):
            _check_file(source, name)
        with Image.open(source, formats=FORMATS) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise InputError(
                    f"{name}: {width} x {height} is {width * height / 1e6:.0f} megapixels, more "
                    f"than the limit of {max_pixels / 1e6:.0f}; scale it down or cut it, or raise "
                    "the limit with --max-megapixels; of TIFF any size is read with --as geotiff"
                )
            yield image


def _check_file(path: Path, name: str) -> None:
    if path.is_dir():
        raise InputError(f"{name}: is a folder, expected a picture")
    if not path.exists():
        raise InputError(f"{name}: no such file")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{name}: the file is empty")


@contextlib.contextmanager
def decoding(name: str) -> Iterator[None]:
    """Turn whatever a decoder raises into a sentence that begins with ``name``.

    Raises:
        InputError: If the file cannot be read.
        ResourceError: If memory is short.
    """
    try:
        yield
    except AtrousError:
        raise
    except Image.DecompressionBombError:
        raise InputError(
            f"{name}: refused from its header: more than {2 * _PILLOW_LIMIT / 1e6:.0f} megapixels, "
            "which is beyond what is ever decoded here; scale it down or cut it"
        ) from None
    except UnidentifiedImageError:
        raise InputError(
            f"{name}: not a picture in a format that is read ({', '.join(FORMATS)})"
        ) from None
    except PermissionError:
        raise InputError(f"{name}: no permission to read it") from None
    except MemoryError:
        raise ResourceError(f"{name}: not enough memory to decode it") from None
    # Pillow's decoders raise whatever the damaged bytes lead to, struct.error and OverflowError
    # among them; every one means the same to the user.
    except Exception as error:
        if isinstance(error, OSError) and error.errno:
            raise InputError(f"{name}: cannot be read ({error.strerror})") from None
        raise InputError(f"{name}: damaged or truncated ({error})") from error


def _picture_from(image: Image.Image) -> Picture:
    notes: list[str] = []
    pixels = _to_rgb(upright(image, notes), notes)
    frames = count_frames(image)
    if frames > 1:
        notes.append(f"holds {frames} frames or pages; the first was taken")
    return Picture(np.ascontiguousarray(pixels), tuple(notes))


def upright(image: Image.Image, notes: list[str]) -> Image.Image:
    """The decoded image as its EXIF tag turns it."""
    image.load()
    orientation = orientation_of(image)
    if orientation == 0:
        notes.append("its EXIF data are damaged; it was taken as it is stored")
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def orientation_of(image: Image.Image) -> int:
    """EXIF's number from 1 (upright) to 8; 0 where its data are damaged."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # a picture is not lost for what is written beside it
        return 0


def count_frames(image: Image.Image) -> int:
    """Frames of an animation or pages of a stack; 1 where they cannot be counted."""
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # the first is whole, and no other is asked for
        return 1


def _to_rgb(image: Image.Image, notes: list[str]) -> NDArray[np.uint8]:
    if image.mode.startswith(("I", "F")):
        return _grey_to_rgb(_scale_deep(np.asarray(image), image.mode, notes))
    if image.mode == "La":
        image = image.convert("LA")
    if image.mode in {"RGBA", "LA", "PA", "RGBa"} or "transparency" in image.info:
        image = image.convert("RGBA")
        if np.asarray(image.getchannel("A")).min() < 255:
            notes.append("transparent pixels were laid on white")
            white = Image.new("RGBA", image.size, (255, 255, 255, 255))
            image = Image.alpha_composite(white, image)
    return np.asarray(image.convert("RGB"))


def _grey_to_rgb(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(grey[:, :, None], 3, axis=2)


def _scale_deep(values: NDArray[np.generic], mode: str, notes: list[str]) -> NDArray[np.uint8]:
    """Bring 16-bit, 32-bit and float grey to 0..255."""
    deep = values.astype(np.float64)
    odd = ~np.isfinite(deep)
    if odd.any():
        notes.append(f"{int(odd.sum())} pixels are not numbers and were taken as black")
        # The darkest number stands for them, so that the scale is that of the numbers alone.
        deep[odd] = 0.0 if odd.all() else deep[~odd].min()
    low, high = float(deep.min()), float(deep.max())
    if mode != "F" and low >= 0 and high <= 65_535:
        low, high = 0.0, 65_535.0
    else:
        notes.append(f"values {low:g} to {high:g} were scaled to 0 to 255")
    deep -= low
    deep *= 255.0 / (high - low or 1.0)
    return np.round(deep, out=deep).astype(np.uint8)


def write_labels(
    path: Path, labels: LabelMap, palette: Sequence[Color], *, overwrite: bool = False
) -> None:
    """Write class indices as a palette PNG; more than 256 classes as 16-bit grey.

    Raises:
        ResourceError: If the file is there and ``overwrite`` is false, or cannot be written.
    """
    content = png_of_labels(labels, palette)
    write_file(path, lambda file: file.write(content), overwrite=overwrite)


def png_of_labels(labels: LabelMap, palette: Sequence[Color]) -> bytes:
    """Class indices as a palette PNG; more than 256 classes as 16-bit grey."""
    return png_of_indices(labels, palette)


def png_of_pixels(pixels: Pixels) -> bytes:
    """RGB pixels as a PNG."""
    return png_of(Image.fromarray(pixels))


def png_of(image: Image.Image) -> bytes:
    """An image as a PNG."""
    file = io.BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()


def write_image(path: Path, pixels: Pixels, *, overwrite: bool = False) -> None:
    """Write RGB pixels in the format that the ending of ``path`` names (PNG, JPEG, WebP).

    Raises:
        ResourceError: If the file is there and ``overwrite`` is false, or cannot be written.
        InputError: If the ending names no format, or one that cannot hold so large a picture.
    """
    format_name = _WRITTEN.get(path.suffix.lower())
    if format_name is None:
        raise InputError(f"{path}: cannot write {path.suffix or 'no ending'}; use .png or .jpg")
    options = {"quality": 92} if format_name != "PNG" else {}
    image = Image.fromarray(pixels)

    def save(file: IO[bytes]) -> None:
        try:
            image.save(file, format=format_name, **options)
        except ValueError as error:
            raise InputError(f"{path}: {format_name} cannot hold this picture ({error})") from None

    write_file(path, save, overwrite=overwrite)


def write_file(
    path: Path, write: Callable[[IO[bytes]], object], *, overwrite: bool = False
) -> None:
    """Write a file whole or not at all: beside its place first, then moved there.

    Args:
        path: Where the file shall be; folders above it are made.
        write: Writes the content to the open file it is given.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        ResourceError: If the file is there and ``overwrite`` is false, or cannot be written.
    """
    with whole_file(path, overwrite=overwrite) as file:
        write(file)


@contextlib.contextmanager
def whole_file(path: Path, *, overwrite: bool = False) -> Iterator[IO[bytes]]:
    """A file to write into that is at its place once its ``with`` block is left well, or is gone.

    Raises:
        ResourceError: As `write_file`.
    """
    temporary = path.with_name(f".atrous-{secrets.token_hex(8)}")
    try:
        _check_place(path, overwrite)
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _check_place(path, overwrite)
        temporary.replace(path)
    except OSError as error:
        raise ResourceError(f"{path}: {_why_not_written(error)}") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _check_place(path: Path, overwrite: bool) -> None:
    if not path.exists():
        return
    if not path.is_file():
        raise ResourceError(f"{path}: is not an ordinary file and is not replaced")
    if not overwrite:
        raise ResourceError(f"{path}: is there already; give another place or --overwrite")


def _why_not_written(error: OSError) -> str:
    reasons = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "the disk quota is used up",
        errno.EROFS: "the file system is read-only",
        errno.EACCES: "no permission to write here",
        errno.ENOTDIR: "a part of its path is a file, not a folder",
        errno.EEXIST: "a part of its path is a file, not a folder",
        errno.ENAMETOOLONG: "the file name is too long",
    }
    return reasons.get(error.errno or 0, f"cannot be written ({error.strerror or error})")
