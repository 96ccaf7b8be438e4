"""Pictures of what a network predicts while it trains: sheets of picture, truth, prediction."""

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from atrous.bands import shown
from atrous.data.sample import spread
from atrous.engine.evaluate import Measured
from atrous.imaging import LabelMap, Pixels, write_image
from atrous.labels import Color, LabelSet
from atrous.runtime.render import RIGHT, UNCOUNTED, VOID, WRONG, color_map, error_map, truth_map

SAMPLES = "samples"
_ROWS = 4
_VIEWS = ("picture", "truth", "prediction", "errors")
_CELL = (210, 280)
_GAP = 8
_TEXT, _LINE = 14, 22
_BACKGROUND, _INK = (24, 26, 30), (235, 235, 235)
_MOST_CLASSES = 40
_MOST_SHEETS = 40


@dataclass(frozen=True)
class _Row:
    """One picture, as small as it is drawn."""

    views: tuple[Pixels, ...]
    areas: NDArray[np.int64]
    """Pixels of each class in truth and prediction."""


class SampleSheet:
    """Looks on while a split is measured, and draws a few of its pictures.

    Args:
        pictures: How many it will see; the same few, evenly over all, are drawn each time.
        label_set: Names and colours.
    """

    def __init__(self, pictures: int, label_set: LabelSet) -> None:
        self._label_set = label_set
        self._places = frozenset(spread(range(pictures), _ROWS))
        self._seen = 0
        self._rows: list[_Row] = []

    def see(self, picture: Measured) -> None:
        """Keep it, small, if it is one of the few."""
        if self._seen in self._places:
            self._rows.append(self._row(picture))
        self._seen += 1

    def draw(self, title: str) -> Pixels | None:
        """(H, W, 3) RGB, a row for each picture; None if none was seen."""
        if not self._rows:
            return None
        legend = _place(self._legend())
        height, width = _CELL[0] + _GAP, _CELL[1] + _GAP
        top = 2 * _LINE + _GAP
        bottom = top + len(self._rows) * height
        lines = 1 + max(line for line, _ in legend.values())
        size = (len(_VIEWS) * width + _GAP, bottom + lines * _LINE + _GAP)
        sheet = Image.new("RGB", size, _BACKGROUND)
        pen = _Pen(ImageDraw.Draw(sheet))
        pen.write((_GAP, _GAP), title)
        for column, name in enumerate(_VIEWS):
            pen.write((_GAP + column * width, _LINE + _GAP), name)
        for number, row in enumerate(self._rows):
            for column, view in enumerate(row.views):
                place = (_GAP + column * width, top + number * height)
                sheet.paste(Image.fromarray(view), place)
        for (name, color), (line, left) in legend.items():
            pen.swatch((left, bottom + line * _LINE), name, color)
        return np.asarray(sheet)

    def _row(self, picture: Measured) -> _Row:
        label_set = self._label_set
        image = _fitted(shown(picture.sample.image), cv2.INTER_AREA)
        labels, predicted = (
            _fitted(values.astype(np.uint16), cv2.INTER_NEAREST_EXACT)
            for values in (picture.labels, picture.predicted)
        )
        areas = np.bincount(
            np.concatenate([labels.ravel(), predicted.ravel()]), minlength=label_set.num_classes
        )
        return _Row(
            (
                image,
                truth_map(labels, label_set),
                color_map(predicted, label_set.palette),
                error_map(labels, predicted, label_set.ignore_index),
            ),
            areas[: label_set.num_classes].astype(np.int64),
        )

    def _legend(self) -> list[tuple[str, Color]]:
        """Classes that are seen, the largest first, and what the other colours mean."""
        areas = np.sum([row.areas for row in self._rows], axis=0)
        order = [int(index) for index in np.argsort(areas, kind="stable")[::-1] if areas[index]]
        names, palette = self._label_set.names, self._label_set.palette
        entries = [(names[index], palette[index]) for index in order[:_MOST_CLASSES]]
        if len(order) > _MOST_CLASSES:
            entries.append((f"and {len(order) - _MOST_CLASSES} more", _BACKGROUND))
        fixed = [("ignored", VOID), ("right", RIGHT), ("wrong", WRONG), ("not counted", UNCOUNTED)]
        return entries + fixed


def write_sheet(run: Path, epoch: int, sheet: Pixels) -> None:
    """Write ``samples/epoch-0005.jpg``; of more than 40 sheets every second one goes.

    Raises:
        ResourceError: If it cannot be written.
    """
    folder = run / SAMPLES
    write_image(folder / f"epoch-{epoch:04d}.jpg", sheet, overwrite=True)
    there = sorted(folder.glob("epoch-*.jpg"), key=lambda path: (len(path.name), path.name))
    if len(there) > _MOST_SHEETS:
        for path in there[1:-1:2]:
            with contextlib.suppress(OSError):
                path.unlink()


def _fitted(values: Pixels | LabelMap, interpolation: int) -> Pixels:
    """As large as a cell has room for."""
    factor = min(side / full for side, full in zip(_CELL, values.shape[:2], strict=True))
    height, width = (max(1, round(side * factor)) for side in values.shape[:2])
    if factor > 1:
        interpolation = cv2.INTER_NEAREST_EXACT  # the network saw these very pixels
    return np.asarray(
        cv2.resize(np.ascontiguousarray(values), (width, height), interpolation=interpolation),
        values.dtype,
    )


def _place(entries: Iterable[tuple[str, Color]]) -> dict[tuple[str, Color], tuple[int, int]]:
    """The line of a legend that each entry stands in, and how far to the right."""
    font = ImageFont.load_default(_TEXT)
    right = len(_VIEWS) * (_CELL[1] + _GAP)
    placed: dict[tuple[str, Color], tuple[int, int]] = {}
    line, left = 0, _GAP
    for name, color in entries:
        width = round(font.getlength(_short(name))) + _TEXT + 3 * _GAP
        if left + width > right and left > _GAP:
            line, left = line + 1, _GAP
        placed[name, color] = (line, left)
        left += width
    return placed


def _short(text: str, limit: int = 40) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


class _Pen:
    """Writes on a sheet."""

    def __init__(self, draw: ImageDraw.ImageDraw) -> None:
        self._draw = draw
        self._font = ImageFont.load_default(_TEXT)

    def write(self, place: tuple[int, int], text: str) -> None:
        self._draw.text(place, text, font=self._font, fill=_INK)

    def swatch(self, place: tuple[int, int], name: str, color: Sequence[int]) -> None:
        left, top = place
        box = (left, top + 2, left + _TEXT, top + 2 + _TEXT)
        self._draw.rectangle(box, fill=tuple(color), outline=_INK)
        self.write((left + _TEXT + 6, top), _short(name))
