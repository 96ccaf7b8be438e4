"""A picture with its labels, and where they come from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from atrous.bands import RGB8, PixelKind, read_pixels
from atrous.data.mapping import map_colors, map_values
from atrous.errors import DatasetError, InputError
from atrous.imaging import LabelMap, Pixels, read_raw_labels
from atrous.labels import Color, LabelSet

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Sample:
    """A picture and the class of each of its pixels."""

    name: str
    image: Pixels
    """(H, W, C)."""
    labels: LabelMap
    """(H, W) class indices, or the ignore_index of the label set."""


class ImageSource(Protocol):
    """Where a picture comes from."""

    @property
    def path(self) -> Path:
        """The file, for messages; a member of an archive is named behind the archive."""

    def read(self, kind: PixelKind | None = RGB8) -> Pixels:
        """The picture as upright (H, W, C).

        Args:
            kind: Channels and bits that are wanted; None for those it has.

        Raises:
            InputError: If it cannot be read so.
        """

    def open(self) -> IO[bytes]:
        """The picture as it is stored, in whatever format, from its first byte.

        Raises:
            InputError: If it cannot be read.
        """


class LabelSource(Protocol):
    """Where the labels of a picture come from: a map of indices, of colours, or outlines."""

    @property
    def path(self) -> Path:
        """The file, for messages."""

    def read(self, size: tuple[int, int]) -> LabelMap:
        """(H, W) class indices of the label set, or its ignore_index.

        Args:
            size: Height and width of the picture; outlines are drawn at it. A map that is stored
                comes in its own size, which the caller holds against the picture's.

        Raises:
            DatasetError: If the labels make no sense.
            InputError: If a file cannot be read.
        """


@dataclass(frozen=True)
class ImageFile:
    """A picture in a file of its own."""

    path: Path

    def read(self, kind: PixelKind | None = RGB8) -> Pixels:
        """The picture as upright (H, W, C)."""
        return read_pixels(self.path, kind).pixels

    def open(self) -> IO[bytes]:
        """The file."""
        try:
            return self.path.open("rb")
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read any more ({error.strerror})") from None


@dataclass(frozen=True)
class LabelFile:
    """A label map in a file of its own: class indices, or colours where ``colors`` is given."""

    path: Path
    values: Mapping[int, int] | None = None
    """Class index by stored value; a value that is not named stays what it is."""
    colors: Mapping[Color, int] | None = None
    """Class index by RGB colour, for files that hold colours and not indices."""

    def read(self, size: tuple[int, int]) -> LabelMap:  # noqa: ARG002, a map has its own size
        """(H, W) class indices, mapped."""
        raw = read_raw_labels(self.path)
        return to_indices(raw, self.path, values=self.values, colors=self.colors)


@dataclass(frozen=True)
class NoLabels:
    """What stands for the labels of a picture that has none: ignored pixels."""

    path: Path
    """The picture, for messages."""
    ignore_index: int

    def read(self, size: tuple[int, int]) -> LabelMap:
        """(H, W), the ignore_index everywhere."""
        if self.ignore_index < 256:
            return np.full(size, self.ignore_index, np.uint8)
        return np.full(size, self.ignore_index, np.uint16)


def to_indices(
    raw: LabelMap | Pixels,
    path: Path,
    *,
    values: Mapping[int, int] | None,
    colors: Mapping[Color, int] | None,
) -> LabelMap:
    """Class indices of what a label file holds.

    Args:
        raw: (H, W) stored values, or (H, W, 3) colours.
        path: The file, for messages.
        values: Class index by stored value; a value that is not named stays what it is.
        colors: Class index by RGB colour.

    Raises:
        DatasetError: If it holds colours and no colour has a meaning, or one has none.
    """
    if raw.ndim == 2:
        return map_values(raw, values) if values else raw
    if not colors:
        raise DatasetError(
            f"{path}: holds RGB colours; expected one class index for each pixel (a palette or "
            "grey PNG). If colours stand for classes, write names and palette into dataset.toml"
        )
    return map_colors(raw, colors, path)


@dataclass(frozen=True)
class Pair:
    """Where a picture and its labels come from."""

    name: str
    image: ImageSource
    labels: LabelSource


class PairList(Protocol):
    """The pairs of one split, with what their labels mean."""

    @property
    def label_set(self) -> LabelSet:
        """What the numbers in the labels mean."""

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Pictures and labels, in the order of their names or of the dataset's list."""


def read_pair(pair: Pair, label_set: LabelSet, kind: PixelKind | None = RGB8) -> Sample:
    """Read a picture and its labels, and hold them against each other and the label set.

    Args:
        pair: Where they come from.
        label_set: What the labels mean.
        kind: Channels and bits that are wanted of the picture; None for those it has.

    Raises:
        DatasetError: If the sizes differ or a label value has no meaning.
        InputError: If a file cannot be read.
    """
    image = pair.image.read(kind)
    size = image.shape[0], image.shape[1]
    labels = pair.labels.read(size)
    check_labels(labels, size, label_set, pair.labels.path)
    return Sample(pair.name, image, labels)


def read_labels(pair: Pair, label_set: LabelSet) -> LabelMap:
    """Read the labels of a pair alone; only those that are drawn need the size of the picture.

    Raises:
        DatasetError: If a label value has no meaning.
        InputError: If a file cannot be read.
    """
    if not isinstance(pair.labels, LabelFile):
        return read_pair(pair, label_set, None).labels
    labels = pair.labels.read((0, 0))  # a map that is stored has its own size
    check_labels(labels, labels.shape, label_set, pair.labels.path)
    return labels


def spread(items: Sequence[_Item], count: int) -> tuple[_Item, ...]:
    """At most ``count`` items, evenly over all of them and in their order.

    Examples:
        >>> spread("abcdefg", 3)
        ('a', 'c', 'e')
    """
    taken = min(count, len(items))
    return tuple(items[place * len(items) // taken] for place in range(taken))


def check_labels(labels: LabelMap, size: tuple[int, ...], label_set: LabelSet, path: Path) -> None:
    """Hold a label map against the size of its picture and the classes.

    Raises:
        DatasetError: If the sizes differ or a label value has no meaning.
    """
    if labels.shape != size:
        turned = "; the picture may be turned by its EXIF tag" if labels.T.shape == size else ""
        raise DatasetError(
            f"{path}: labels are {labels.shape[1]} x {labels.shape[0]}, the picture is "
            f"{size[1]} x {size[0]}{turned}; they must have the same size"
        )
    values = _values_of(labels)
    unknown = values[(values >= label_set.num_classes) & (values != label_set.ignore_index)]
    if unknown.size:
        raise DatasetError(
            f"{path}: unknown label values {unknown[:8].tolist()}; expected 0 to "
            f"{label_set.num_classes - 1}, or {label_set.ignore_index} to ignore a pixel"
        )


def _values_of(labels: LabelMap) -> NDArray[np.int64]:
    """The different values of a label map, rising."""
    if labels.dtype.kind == "u" and labels.dtype.itemsize <= 2:
        # Counting takes a tenth of the time of sorting.
        return np.flatnonzero(np.bincount(labels.ravel()))
    return np.unique(labels.astype(np.int64))
