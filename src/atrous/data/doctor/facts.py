"""Read one pair of files and keep what the checks ask for, a few kilobytes for each pair."""

import contextlib
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeGuard

import cv2
import numpy as np
from numpy.typing import NDArray

from atrous.bands import PixelKind, kind_of, read_pixels, shown
from atrous.data import ImageSource, LabelSource
from atrous.data.doctor.borders import Borders, find_borders
from atrous.data.doctor.jpeg import read_complaint
from atrous.data.doctor.listing import Entry
from atrous.data.sample import ImageFile, LabelFile
from atrous.errors import AtrousError, DatasetError, InputError
from atrous.imaging import (
    Pixels,
    count_frames,
    grey_values,
    how_stored,
    open_picture,
    orientation_of,
    picture_from_pillow,
)
from atrous.labels import Color

MAX_VALUES = 512
"""Of the values or colours of one label map the most frequent are kept."""
_FLAT = 4.0


@dataclass(frozen=True)
class ImageFacts:
    """What a picture's file is."""

    size: tuple[int, int]
    """Height and width, upright."""
    stored_size: tuple[int, int]
    """Height and width before the EXIF tag turns it."""
    orientation: int
    kind: PixelKind
    """Channels, without transparency, and bits."""
    deep: str | None
    """How pixels of more than 8 bits a channel are packed."""
    transparent: bool
    frames: int
    digest: bytes
    """Of the file's content."""
    look: bytes | None
    """`difference_hash`; None for pictures of hardly any contrast, which all look alike."""
    mirrored: bytes | None = None
    """The same of the picture with left and right exchanged."""
    complaint: str | None = None
    """What libjpeg says of damaged data that it passed over."""


@dataclass(frozen=True)
class LabelFacts:
    """What a label map's file is."""

    size: tuple[int, int]
    lossy: str | None
    packing: str
    channels: int
    values: dict[int, int]
    """Pixels of each value; empty where there are colours."""
    colors: dict[Color, int]
    """Pixels of each colour; empty where there are single numbers."""
    left_out: int
    """Pixels of values or colours past `MAX_VALUES`."""
    digest: bytes
    """Of the pixels."""
    borders: Borders | None = None
    """Of indices of 8 bits."""

    def as_colors(self) -> "LabelFacts":
        """The same with each value v as the colour (v, v, v)."""
        greys = {(value, value, value): count for value, count in self.values.items()}
        return replace(self, values={}, colors={**self.colors, **greys})


@dataclass(frozen=True)
class PairFacts:
    """A pair with what was read of it, or why it could not be."""

    entry: Entry
    image: ImageFacts | None = None
    labels: LabelFacts | None = None
    image_error: str | None = None
    labels_error: str | None = None


def read_facts(entry: Entry) -> PairFacts:
    """Read both files of a pair; a file that cannot be read becomes a sentence."""
    image, labels, image_error, labels_error = None, None, None, None
    try:
        image = _facts_of_image(entry.image)
    except AtrousError as error:
        image_error = _without_path(error, entry.image.path)
    try:
        labels = _facts_of_labels(entry.labels, image)
    except AtrousError as error:
        labels_error = _without_path(error, entry.labels.path)
    return PairFacts(entry, image, labels, image_error, labels_error)


def _without_path(error: AtrousError, path: Path) -> str:
    return str(error).removeprefix(f"{path}: ")


def _facts_of_image(source: ImageSource) -> ImageFacts:
    if isinstance(source, ImageFile):
        return read_image_facts(source.path)
    pixels = source.read(None)
    size, cells = (pixels.shape[0], pixels.shape[1]), grey_cells(shown(pixels))
    return ImageFacts(
        size=size,
        stored_size=size,
        orientation=1,
        kind=kind_of(pixels),
        deep=None,
        transparent=False,
        frames=1,
        digest=hashlib.sha256(pixels.tobytes()).digest(),
        look=hash_cells(cells),
        mirrored=hash_cells(cells[:, ::-1]),
    )


def _facts_of_labels(source: LabelSource, image: ImageFacts | None) -> LabelFacts | None:
    if isinstance(source, LabelFile):
        return read_label_facts(source.path)
    if image is None:
        return None  # outlines are drawn at the size of their picture
    return _label_facts(source.read(image.size), lossy=None, packing="drawn", channels=1)


def read_image_facts(path: Path) -> ImageFacts:
    """Decode a picture and keep what it is.

    Raises:
        InputError: If it cannot be decoded.
    """
    picture = read_pixels(path, None)
    kind, size = kind_of(picture.pixels), (picture.pixels.shape[0], picture.pixels.shape[1])
    header = _read_header(path) or _Header(size, 1, str(kind) if kind.bits > 8 else "", 1)
    cells = grey_cells(shown(picture.pixels))
    return ImageFacts(
        size=size,
        stored_size=header.size,
        orientation=header.orientation,
        kind=kind,
        deep=header.packing if kind.bits > 8 or header.packing[:1] in {"I", "F"} else None,
        transparent=any("transparen" in note for note in picture.notes),
        frames=header.frames,
        digest=_file_digest(path),
        look=hash_cells(cells),
        mirrored=hash_cells(cells[:, ::-1]),
        complaint=read_complaint(path) if header.is_jpeg else None,
    )


@dataclass(frozen=True)
class _Header:
    size: tuple[int, int]
    orientation: int
    packing: str
    frames: int
    is_jpeg: bool = False


def _read_header(path: Path) -> _Header | None:
    """None for arrays and TIFF of many channels, which Pillow cannot open."""
    with contextlib.suppress(InputError), open_picture(path) as image:
        width, height = image.size
        return _Header(
            size=(height, width),
            orientation=orientation_of(image),
            packing=how_stored(image).packing,
            frames=count_frames(image),
            is_jpeg=image.format in {"JPEG", "MPO"},
        )
    return None


def _file_digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def difference_hash(pixels: Pixels) -> bytes | None:
    """128 bits that nearly equal pictures share: whether grey rises to the right, and downwards.

    The picture is averaged to 9 x 9 cells. Scaling, recompressing and small changes of brightness
    leave nearly all bits as they are.

    Args:
        pixels: (H, W, 3) RGB.

    Returns:
        16 bytes; None if the cells hardly differ, for then the bits are chance.
    """
    return hash_cells(grey_cells(pixels))


def grey_cells(pixels: Pixels) -> NDArray[np.float32]:
    """(H, W, 3) RGB -> (9, 9) means of grey."""
    small = cv2.resize(pixels, (9, 9), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(small @ np.array([0.299, 0.587, 0.114], np.float32))


def hash_cells(grey: NDArray[np.float32]) -> bytes | None:
    """`difference_hash` of a picture from its `grey_cells`."""
    if float(grey.std()) < _FLAT:
        return None
    rises = (grey[:8, 1:] > grey[:8, :-1], grey[1:, :8] > grey[:-1, :8])
    return np.packbits(np.stack(rises)).tobytes()


def read_label_pixels(path: Path) -> tuple[NDArray[np.generic], str | None, str, int]:
    """Decode whatever a label file holds.

    Returns:
        (H, W) numbers or (H, W, 3) RGB; the lossy compression, if any; how pixels are packed;
        channels in the file. Colours whose channels are all equal come as (H, W) numbers.

    Raises:
        InputError: If it cannot be decoded.
    """
    with open_picture(path) as image:
        stored = how_stored(image)
        channels = len(image.getbands())
        values = grey_values(image) if image.mode != "F" else _whole(np.asarray(image), path)
        if values is not None:
            return values, stored.lossy, stored.packing, 1
        pixels = picture_from_pillow(image).pixels
        equal = bool((pixels == pixels[..., :1]).all())
        return pixels[..., 0] if equal else pixels, stored.lossy, stored.packing, channels


def _whole(values: NDArray[np.float32], path: Path) -> NDArray[np.int64]:
    if not np.isfinite(values).all() or (values != np.round(values)).any():
        raise DatasetError(f"{path}: holds fractions or what is no number; expected class indices")
    return values.astype(np.int64)


def read_label_facts(path: Path) -> LabelFacts:
    """Decode a label map and count its values or colours.

    Raises:
        InputError: If it cannot be decoded.
    """
    pixels, lossy, packing, channels = read_label_pixels(path)
    return _label_facts(pixels, lossy=lossy, packing=packing, channels=channels)


def _label_facts(
    pixels: NDArray[np.generic], *, lossy: str | None, packing: str, channels: int
) -> LabelFacts:
    values: dict[int, int] = {}
    colors: dict[Color, int] = {}
    if pixels.ndim == 2:
        values, left_out = _count(pixels)
    else:
        codes, left_out = _count(color_codes(pixels))
        colors = {_color(code): count for code, count in codes.items()}
    return LabelFacts(
        size=(pixels.shape[0], pixels.shape[1]),
        lossy=lossy,
        packing=packing,
        channels=channels,
        values=values,
        colors=colors,
        left_out=left_out,
        digest=hashlib.sha256(pixels.tobytes()).digest(),
        borders=find_borders(pixels) if _holds_bytes(pixels) else None,
    )


def _holds_bytes(pixels: NDArray[np.generic]) -> TypeGuard[NDArray[np.uint8]]:
    return pixels.ndim == 2 and pixels.dtype == np.uint8 and pixels.size > 0


def color_codes(pixels: NDArray[np.generic]) -> NDArray[np.int32]:
    """(H, W, 3) RGB -> (H, W) numbers of 24 bits."""
    wide = pixels.astype(np.int32)
    return np.asarray(wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2])


def _color(code: int) -> Color:
    return code >> 16, code >> 8 & 255, code & 255


def _count(numbers: NDArray[np.generic]) -> tuple[dict[int, int], int]:
    """The most frequent numbers with their counts, by value; and pixels of all the others."""
    if numbers.dtype == np.uint8:
        counts = np.bincount(numbers.ravel(), minlength=256)
        values = np.flatnonzero(counts)
        counts = counts[values]
    else:
        values, counts = np.unique(numbers, return_counts=True)
    kept = np.sort(np.argsort(-counts, kind="stable")[:MAX_VALUES])
    left_out = int(counts.sum() - counts[kept].sum())
    return dict(zip(values[kept].tolist(), counts[kept].tolist(), strict=True)), left_out
