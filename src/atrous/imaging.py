"""Pictures and label maps from files and back, safely.

Pillow identifies a file by its content, from a short list of formats, and its size is looked at
before anything is decoded. Everything comes out as 8-bit RGB, turned as its EXIF tag says.
"""

import contextlib
import errno
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from atrous.errors import DatasetError, InputError, ResourceError
from atrous.labels import Color

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "AVIF")
"""Formats that are read; PSD, EPS, PDF, FITS and other parsers are never reached."""

SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".ppm", ".pgm", ".avif")
)
"""Endings by which a folder's pictures are found; the content decides what they are."""

MAX_PIXELS = 100_000_000
"""Pictures with more pixels are refused from their header."""

Pixels: TypeAlias = NDArray[np.uint8]
"""(H, W, 3) RGB."""
LabelMap: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16]
"""(H, W) class indices."""


@dataclass(frozen=True)
class Picture:
    """A decoded picture."""

    pixels: Pixels
    """(H, W, 3) RGB, upright."""
    notes: tuple[str, ...] = ()
    """What had to be decided while reading, for the user to know."""


def read_image(source: Path | IO[bytes], *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Read a picture as upright 8-bit RGB.

    16-bit grey is scaled from 0..65535, other deep formats from their own range; transparency is
    laid on white; of an animation or a stack of pages the first is taken. What was decided is in
    ``notes``.

    Args:
        source: A file, or an open binary stream.
        max_pixels: Largest height times width that is decoded.

    Raises:
        InputError: If the file is missing, empty, not a picture, damaged or too large.
    """
    name = str(source) if isinstance(source, Path) else "the given stream"
    with _opened(source, name, max_pixels) as image:
        return _picture_from(image)


def picture_from_pillow(image: Image.Image) -> Picture:
    """A picture from an image that Pillow has already opened.

    Raises:
        InputError: If it cannot be decoded.
    """
    with _decoding("the given image"):
        return _picture_from(image)


def read_labels(path: Path, *, max_pixels: int = MAX_PIXELS) -> LabelMap:
    """Read the raw class indices of a label map; palette colours are not looked at.

    Raises:
        InputError: If the file cannot be read.
        DatasetError: If it holds colours instead of indices.
    """
    with _opened(path, str(path), max_pixels) as image:
        if image.format in {"JPEG", "MPO", "WEBP"}:
            raise DatasetError(
                f"{path}: label maps must be stored without loss, not as {image.format}, whose "
                "compression invents class indices along edges; save them as PNG"
            )
        if image.mode in {"P", "L"}:
            return np.asarray(image, dtype=np.uint8)
        if image.mode == "1":
            return np.asarray(image).astype(np.uint8)
        if image.mode.startswith("I"):
            return np.asarray(image).astype(np.uint16)
        raise DatasetError(
            f"{path}: holds {image.mode} colours; expected one class index for each pixel "
            "(a palette or grey PNG)"
        )


@contextlib.contextmanager
def _opened(source: Path | IO[bytes], name: str, max_pixels: int) -> Iterator[Image.Image]:
    if isinstance(source, Path):
        if source.is_dir():
            raise InputError(f"{name}: is a folder, expected a picture")
        if not source.exists():
            raise InputError(f"{name}: no such file")
        if source.is_file() and source.stat().st_size == 0:
            raise InputError(f"{name}: the file is empty")
    # The context spans the caller's use, so that what Pillow finds while decoding is caught too.
    with _decoding(name), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(source, formats=FORMATS) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise InputError(
                    f"{name}: {width} x {height} is {width * height / 1e6:.0f} megapixels, more "
                    f"than the limit of {max_pixels / 1e6:.0f}; scale it down or cut it, or raise "
                    "the limit with --max-megapixels"
                )
            yield image


@contextlib.contextmanager
def _decoding(name: str) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError(f"{name}: refused from its header: {error}") from None
    except UnidentifiedImageError:
        raise InputError(
            f"{name}: not a picture in a format that is read ({', '.join(FORMATS)})"
        ) from None
    except PermissionError:
        raise InputError(f"{name}: no permission to read it") from None
    except MemoryError:
        raise ResourceError(f"{name}: not enough memory to decode it") from None
    # Pillow's decoders raise many types on damaged files; every one means the same to the user.
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, KeyError) as error:
        raise InputError(f"{name}: damaged or truncated ({error})") from None


def _picture_from(image: Image.Image) -> Picture:
    notes: list[str] = []
    if getattr(image, "n_frames", 1) > 1:
        notes.append(f"holds {getattr(image, 'n_frames', 1)} frames or pages; the first was taken")
    upright = ImageOps.exif_transpose(image)
    pixels = _to_rgb(upright, notes)
    return Picture(np.ascontiguousarray(pixels), tuple(notes))


def _to_rgb(image: Image.Image, notes: list[str]) -> Pixels:
    if image.mode.startswith(("I", "F")):
        return _grey_to_rgb(_scale_deep(np.asarray(image), image.mode, notes))
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        if image.getextrema()[3][0] < 255:  # type: ignore[index]
            notes.append("transparent pixels were laid on white")
        image = Image.alpha_composite(white, image)
    return np.asarray(image.convert("RGB"))


def _grey_to_rgb(grey: NDArray[np.uint8]) -> Pixels:
    return np.repeat(grey[:, :, None], 3, axis=2)


def _scale_deep(values: NDArray[np.generic], mode: str, notes: list[str]) -> NDArray[np.uint8]:
    """Bring 16-bit, 32-bit and float grey to 0..255."""
    deep = values.astype(np.float64)
    finite = np.isfinite(deep)
    if not finite.all():
        notes.append(f"{int((~finite).sum())} pixels are not numbers and were taken as black")
        deep = np.where(finite, deep, 0.0)
    low, high = float(deep.min()), float(deep.max())
    if mode != "F" and low >= 0 and high <= 65_535:
        low, high = 0.0, 65_535.0
    else:
        notes.append(f"values {low:g} to {high:g} were scaled to 0 to 255")
    span = high - low or 1.0
    return np.round((deep - low) * (255.0 / span)).astype(np.uint8)


def write_labels(
    path: Path, labels: LabelMap, palette: Sequence[Color], *, overwrite: bool = False
) -> None:
    """Write class indices as a palette PNG; more than 256 classes as 16-bit grey.

    Raises:
        ResourceError: If the file is there and ``overwrite`` is false, or cannot be written.
    """
    if labels.dtype == np.uint16:
        image = Image.fromarray(labels)
    else:
        image = Image.fromarray(labels).convert("P")
        image.putpalette([value for color in palette for value in color])
    write_file(path, lambda file: image.save(file, format="PNG"), overwrite=overwrite)


def write_image(path: Path, pixels: Pixels, *, overwrite: bool = False) -> None:
    """Write RGB pixels in the format that the ending of ``path`` names (PNG, JPEG, WebP).

    Raises:
        ResourceError: If the file is there and ``overwrite`` is false, or cannot be written.
        InputError: If the ending names no format.
    """
    format_name = Image.registered_extensions().get(path.suffix.lower())
    if format_name not in {"PNG", "JPEG", "WEBP"}:
        raise InputError(f"{path}: cannot write {path.suffix or 'no ending'}; use .png or .jpg")
    options = {"quality": 92} if format_name != "PNG" else {}
    image = Image.fromarray(pixels)
    write_file(
        path, lambda file: image.save(file, format=format_name, **options), overwrite=overwrite
    )


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
    if path.exists() and not overwrite:
        raise ResourceError(f"{path}: is there already; give another place or --overwrite")
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".atrous-")
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise ResourceError(f"{path}: {_why_not_written(error)}") from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


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
