"""Segment rasters of any size: read, seen and written window by window."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from atrous.errors import ConfigError, ResourceError
from atrous.imaging import LabelMap
from atrous.runtime.bilinear import Taps, taps
from atrous.runtime.blend import Tiling, band_labels
from atrous.runtime.engine import Tensor4
from atrous.runtime.parts import Journal
from atrous.runtime.predictor import Predictor, normalize
from atrous.runtime.raster import BLOCK, LabelRaster, Raster, small_cache
from atrous.runtime.tiles import TiledEngine
from atrous.runtime.windows import Axis

_FOR_NETWORK, _FOR_BAND = 0.5, 0.25
"""Shares of the memory for the network and for the logits of a row of tiles; the rest is for
reading and writing."""
_READ_AT_ONCE = 4096
"""Columns whose emptiness is read at a time."""


@dataclass(frozen=True)
class _Panel:
    """Columns of a raster that are segmented from top to bottom before the next."""

    raster: Raster
    predictor: Predictor
    top: int
    """Row of the raster where the tiles begin."""
    left: int
    """Column of the raster where the tiles begin."""
    size: tuple[int, int]
    """Height and width of what the tiles cover."""

    def part(self, rows: slice, columns: slice) -> Tensor4 | None:
        """Pixels that are marked as empty look like the mean pixel."""
        rows, columns = _moved(rows, self.top), _moved(columns, self.left)
        valid = self.raster.valid(rows, columns) if self.raster.facts.has_nodata else None
        if valid is not None and not valid.any():
            return None
        preprocessing = self.predictor.card.preprocessing
        images = normalize(self.raster.read(rows, columns), preprocessing)
        if valid is not None:
            images *= valid
        return images


def segment_raster(
    predictor: Predictor,
    source: Path,
    out: Path,
    *,
    bands: Sequence[int] | None = None,
    overwrite: bool = False,
    on_progress: Callable[[float], None] = lambda _: None,
) -> tuple[str, ...]:
    """Segment a GeoTIFF of any size into one of class indices, at the same place on the earth.

    The network sees the raster at its own scale, in tiles. Pixels that are marked as empty become
    the card's ``ignore_index``, which marks them as empty in the result too. What is finished is
    kept beside ``out`` until the result is whole; the same call goes on from there.

    Args:
        predictor: As `atrous.load` gives, without scales, mirror images or sliding windows.
        source: A GeoTIFF.
        out: The GeoTIFF to write.
        bands: Which bands the network reads, from 1; None for all but transparency.
        overwrite: Whether a file that is there may be replaced.
        on_progress: Called with the finished share, from 0 to 1.

    Returns:
        What had to be decided, for the user to know.

    Raises:
        InputError: If the source cannot be read or does not fit the model.
        ResourceError: If ``out`` is there and ``overwrite`` is false, or cannot be written.
        ConfigError: If the predictor looks at pictures several times.
        DependencyError: If rasterio is not installed.
    """
    engine = _tiled(predictor)
    _check_place(out, overwrite)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResourceError(f"{out.parent}: cannot be made ({error.strerror})") from None
    with small_cache():
        raster = Raster(source, predictor.card.preprocessing.kind, bands)
        try:
            work = _Work(predictor, engine, raster)
            journal = Journal(_beside(out, "part"), work.settings, work.layout, work.dtype)
            try:
                work.layout = journal.layout
                work.fill(journal, on_progress)
                work.assemble(journal, out, overwrite=overwrite)
            finally:
                journal.close()
            journal.remove()
        finally:
            raster.close()
    return work.notes


class _Work:
    """A raster, and how it is divided."""

    def __init__(self, predictor: Predictor, engine: TiledEngine, raster: Raster) -> None:
        self._predictor, self._engine, self._raster = predictor, engine, raster
        card = predictor.card
        small = len(card.classes) <= 256 and card.ignore_index < 256
        self.dtype: np.dtype[np.uint8 | np.uint16] = np.dtype(np.uint8 if small else np.uint16)
        size = raster.facts.size
        self._tiling = engine.tiling_within(size, _FOR_NETWORK * engine.free)
        self._taps = [taps(engine.grid(side), side, card.align_corners) for side in size]
        self._panels = _panels(self._tiling, size[1], self._columns_at_once())

    @property
    def layout(self) -> dict[str, Any]:
        """How the raster is divided, which follows the memory and must stay when work goes on."""
        rows, columns = self._tiling.rows, self._tiling.columns
        axes = [[one.window, one.overlap, *one.starts] for one in (rows, columns)]
        return {"axes": axes, "panels": [list(panel) for panel in self._panels]}

    @layout.setter
    def layout(self, layout: dict[str, Any]) -> None:
        rows, columns = (
            Axis(side, window, tuple(starts), overlap)
            for side, (window, overlap, *starts) in zip(
                self._raster.facts.size, layout["axes"], strict=True
            )
        )
        self._tiling = Tiling(rows, columns)
        self._panels = [(left, right) for left, right in layout["panels"]]

    def _columns_at_once(self) -> int:
        """Tiles side by side whose logits fit into their share of the memory."""
        height, width = (self._engine.grid(side) for side in self._tiling.window)
        # A row of tiles, what the next one adds to, and what is interpolated, in float32.
        tile = 3 * 4 * len(self._predictor.card.classes) * height * width
        return max(int(_FOR_BAND * self._engine.free / tile), 1)

    @property
    def settings(self) -> dict[str, Any]:
        """What the labels depend on."""
        source, card = self._raster.path, self._predictor.card
        stat = source.stat()
        return {
            "source": [str(source.resolve()), stat.st_size, stat.st_mtime_ns],
            "bands": self._raster.facts.indexes,
            "model": hashlib.sha256(card.to_json().encode()).hexdigest(),
            "asked": [self._engine.settings.tile, self._engine.settings.overlap],
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """For the user to know."""
        longest = self._predictor.card.preprocessing.longest_side
        if longest is None or max(self._raster.facts.size) <= longest:
            return self._raster.facts.notes
        return (
            *self._raster.facts.notes,
            f"is seen at its own scale, though the model resizes pictures to {longest} pixels",
        )

    def fill(self, journal: Journal, on_progress: Callable[[float], None]) -> None:
        """Segment what the journal does not have."""
        height, width = self._raster.facts.size
        whole = _Panel(self._raster, self._predictor, 0, 0, (height, width))
        pending = [journal.finished(index) < height for index in range(len(self._panels))]
        context = self._engine.context_of(whole, self._tiling) if any(pending) else None
        done = 0
        for index, (left, right) in enumerate(self._panels):
            start = journal.finished(index)
            done += start * (right - left)
            on_progress(done / (height * width))
            for rows, labels in self._labels(start, slice(left, right), context):
                journal.add(index, rows.start, labels)
                done += labels.size
                on_progress(done / (height * width))

    def _labels(
        self, start: int, columns: slice, context: Tensor4 | None
    ) -> Iterator[tuple[slice, LabelMap]]:
        """Labels of a panel from a row on."""
        height = self._raster.facts.size[0]
        if start >= height:
            return
        top, down = self._tiling.rows.part(start, height)
        left, across = self._tiling.columns.part(columns.start, columns.stop)
        panel = _Panel(self._raster, self._predictor, top, left, (down.side, across.side))
        stride = self._engine.stride
        bands = self._engine.bands(panel, Tiling(down, across), context)
        rows, right = (
            _part(one, slice(first, last), moved // stride)
            for one, first, last, moved in zip(
                self._taps, (start, columns.start), (height, columns.stop), (top, left), strict=True
            )
        )
        for part, found in band_labels(bands, rows, right):
            place, labels = _moved(part, start), found.astype(self.dtype, copy=False)
            self._blank(labels, place, columns)
            yield place, labels

    def _blank(self, labels: LabelMap, rows: slice, columns: slice) -> None:
        if not self._raster.facts.has_nodata:
            return
        for left in range(columns.start, columns.stop, _READ_AT_ONCE):
            part = slice(left, min(left + _READ_AT_ONCE, columns.stop))
            empty = ~self._raster.valid(rows, part)
            labels[:, _moved(part, -columns.start)][empty] = self._predictor.card.ignore_index

    def assemble(self, journal: Journal, out: Path, *, overwrite: bool) -> None:
        """Write the result from the finished panels, and move it to its place."""
        temporary = _beside(out, "writing")
        height = self._raster.facts.size[0]
        panels = [
            _Rows(journal.rows(index, right - left), right - left, self.dtype)
            for index, (left, right) in enumerate(self._panels)
        ]
        try:
            file = LabelRaster(temporary, self._raster.facts, self._predictor.card, self.dtype)
            try:
                for top in range(0, height, BLOCK):
                    rows = slice(top, min(top + BLOCK, height))
                    parts = [panel.take(rows.stop - rows.start) for panel in panels]
                    file.write(rows, np.concatenate(parts, axis=1))
            finally:
                file.close()
            _check_place(out, overwrite)
            temporary.replace(out)
        finally:
            temporary.unlink(missing_ok=True)


class _Rows:
    """Rows of labels that come in other portions than they are wanted in."""

    def __init__(self, parts: Iterator[LabelMap], width: int, dtype: np.dtype[Any]) -> None:
        self._parts = parts
        self._held = np.zeros((0, width), dtype)

    def take(self, count: int) -> LabelMap:
        while len(self._held) < count:
            self._held = np.concatenate([self._held, next(self._parts)])
        taken, self._held = self._held[:count], self._held[count:]
        return taken


def _panels(tiling: Tiling, width: int, most: int) -> list[tuple[int, int]]:
    """First column, and the one behind the last, of each panel."""
    starts = tiling.columns.starts
    cuts = [0, *(start for start in starts[most::most]), width]
    return list(pairwise(cuts))


def _tiled(predictor: Predictor) -> TiledEngine:
    once = predictor.test_time.looks_once and not predictor.card.preprocessing.eval_crop_size
    if isinstance(predictor.engine, TiledEngine) and once:
        return predictor.engine
    raise ConfigError(
        "rasters are seen once, in tiles; leave out --scales, --flip, --slide and --eval-crop-size"
    )


def _check_place(out: Path, overwrite: bool) -> None:
    if out.is_dir():
        raise ResourceError(f"{out}: is a folder; a raster goes to a file")
    if out.exists() and not overwrite:
        raise ResourceError(f"{out}: is there already; give another place or --overwrite")


def _beside(out: Path, ending: str) -> Path:
    return out.with_name(f".{out.name}.atrous-{ending}")


def _moved(part: slice, by: int) -> slice:
    return slice(part.start + by, part.stop + by)


def _part(one: Taps, part: slice, first: int) -> Taps:
    return Taps(one.below[part] - first, one.above[part] - first, one.share[part])
