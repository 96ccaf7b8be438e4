"""From outlines and runs to label maps."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from atrous.errors import DatasetError
from atrous.imaging import LabelMap

Ring: TypeAlias = NDArray[np.float64]
"""(N, 2) corners x, y in pixels: 0, 0 is the upper left corner of the upper left pixel."""

_FARTHEST = 1e6
_MAX_CROSSINGS = 50_000_000


class Shape(Protocol):
    """Something that covers pixels."""

    @property
    def class_index(self) -> int:
        """What the covered pixels become."""

    def paint(self, labels: LabelMap) -> None:
        """Write the class index into the covered pixels."""


@dataclass(frozen=True)
class Outline:
    """Closed rings, each filled by itself."""

    class_index: int
    rings: tuple[Ring, ...]

    def paint(self, labels: LabelMap) -> None:
        """Write the class index into the pixels inside."""
        for ring in self.rings:
            fill(labels, ring, self.class_index)


@dataclass(frozen=True)
class Runs:
    """A mask as lengths of runs in a box: uncovered, covered, uncovered and so on."""

    class_index: int
    counts: NDArray[np.int64]
    box: tuple[int, int, int, int]
    """Top, left, height and width."""
    by_columns: bool

    def paint(self, labels: LabelMap) -> None:
        """Write the class index into the covered pixels; the box may reach out of the map."""
        top, left, height, width = self.box
        covered = np.repeat(np.arange(len(self.counts)) % 2 == 1, self.counts)
        mask = covered.reshape((width, height)).T if self.by_columns else covered.reshape(-1, width)
        rows = slice(max(top, 0), max(top + height, 0))
        columns = slice(max(left, 0), max(left + width, 0))
        part = labels[rows, columns]
        mask = mask[max(-top, 0) :, max(-left, 0) :][: part.shape[0], : part.shape[1]]
        part[mask] = self.class_index


@dataclass(frozen=True)
class DrawnLabels:
    """Labels that are drawn at the size of their picture, later shapes over earlier ones."""

    path: Path
    shapes: tuple[Shape, ...]
    background: int
    """What uncovered pixels are."""
    stated_size: tuple[int, int] | None = None
    """Height and width that the annotations were made for."""

    def read(self, size: tuple[int, int]) -> LabelMap:
        """(H, W) class indices.

        Raises:
            DatasetError: If the annotations were made for another size.
        """
        if self.stated_size and self.stated_size != size:
            turned = "; the picture may be turned by its EXIF tag"
            raise DatasetError(
                f"{self.path}: outlines were drawn on {self.stated_size[1]} x "
                f"{self.stated_size[0]}, the picture is {size[1]} x {size[0]}"
                f"{turned if self.stated_size == size[::-1] else ''}"
            )
        largest = max((shape.class_index for shape in self.shapes), default=0)
        labels: LabelMap = np.full(size, self.background, np.uint8)
        if max(largest, self.background) > 255:
            labels = np.full(size, self.background, np.uint16)
        for shape in self.shapes:
            shape.paint(labels)
        return labels


def ring_of(points: Sequence[Sequence[float]] | NDArray[np.float64], where: str) -> Ring:
    """Corners of an outline, checked.

    Raises:
        DatasetError: If they are fewer than 3, no numbers, or far out of any picture.
    """
    try:
        ring = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        ring = np.empty(0)
    if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 3:
        raise DatasetError(f"{where}: an outline needs at least 3 points of two numbers")
    if not (np.abs(ring) <= _FARTHEST).all():
        raise DatasetError(f"{where}: has a point that is no number or beyond a million pixels")
    return ring


def fill(labels: LabelMap, ring: Ring, value: int) -> None:
    """Write ``value`` into the pixels whose centres are inside a ring (even-odd rule).

    Outlines that share an edge share no pixel and leave none between them, which cv2.fillPoly,
    that also covers the line itself, does not keep. What is outside the map is cut off.

    Raises:
        DatasetError: If the ring crosses more columns than a real outline ever does.
    """
    height, width = labels.shape
    x0, y0 = ring.T
    x1, y1 = np.roll(ring, -1, axis=0).T
    first = np.clip(np.ceil(np.minimum(x0, x1) - 0.5), 0, width).astype(np.int64)
    behind = np.clip(np.ceil(np.maximum(x0, x1) - 0.5), 0, width).astype(np.int64)
    counts = behind - first
    if counts.sum() == 0:
        return
    if counts.sum() > _MAX_CROSSINGS:
        raise DatasetError(f"an outline of {len(ring)} points crosses {counts.sum()} columns")
    # One entry for each edge and each column whose middle it crosses.
    edge = np.repeat(np.arange(len(ring)), counts)
    column = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts) + first[edge]
    # From the left end, so that a line is rounded alike whichever way neighbours run along it.
    turned = x1 < x0
    x0, y0, x1, y1 = (np.where(turned, *pair) for pair in ((x1, x0), (y1, y0), (x0, x1), (y0, y1)))
    slope = (y1 - y0)[edge] / (x1 - x0)[edge]
    y = y0[edge] + (column + 0.5 - x0[edge]) * slope
    row = np.clip(np.ceil(y - 0.5), 0, height).astype(np.int64)
    top, bottom, left = int(row.min()), int(row.max()), int(column.min())
    rows, columns = bottom - top + 1, int(column.max()) + 1 - left
    place = (row - top) * columns + column - left
    crossed = np.bincount(place, minlength=rows * columns).astype(np.uint8).reshape(rows, columns)
    # Down the columns, for numpy adds whole rows many times faster than along them.
    inside = np.bitwise_xor.accumulate(crossed & 1, axis=0)[:-1]
    np.copyto(labels[top:bottom, left : left + columns], value, where=inside.view(np.bool_))


def coco_counts(text: str, where: str) -> list[int]:
    """Lengths of runs from COCO's text: 5 bits a character, from the third on as differences.

    Raises:
        DatasetError: If it is damaged.
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        code = ord(character) - 48
        if not 0 <= code < 64 or shift > 35:
            raise DatasetError(f"{where}: its run lengths are damaged")
        value |= (code & 31) << shift
        shift += 5
        if not code & 32:
            if code & 16:
                value -= 1 << shift
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return counts


def runs_of(
    class_index: int,
    counts: Sequence[int],
    *,
    box: tuple[int, int, int, int],
    by_columns: bool,
    where: str,
) -> Runs:
    """Runs that fill their box, checked.

    Raises:
        DatasetError: If they do not.
    """
    try:
        lengths = np.asarray(counts, dtype=np.int64)
    except (TypeError, ValueError, OverflowError):
        lengths = np.array([-1])
    height, width = box[2:]
    small = 0 < height <= _FARTHEST and 0 < width <= _FARTHEST and height * width <= 100_000_000
    valid = lengths.ndim == 1 and (lengths >= 0).all() and (lengths <= 100_000_000).all()
    if not small or not valid or lengths.sum() != height * width:
        raise DatasetError(f"{where}: its run lengths do not fill {width} x {height} pixels")
    return Runs(class_index, lengths, box, by_columns)
