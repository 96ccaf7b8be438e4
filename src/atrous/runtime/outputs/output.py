"""What every kind of output promises."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from atrous.labels import LabelSet
from atrous.runtime.filters import covered_by
from atrous.runtime.polygons import SIMPLIFY, Polygon, bridged
from atrous.runtime.result import Segmentation
from atrous.runtime.rings import Ring

Need: TypeAlias = Literal["confidence", "probabilities"]


@dataclass(frozen=True)
class Job:
    """One run, whatever its pictures."""

    out: Path
    """Folder of the results."""
    label_set: LabelSet
    kinds: tuple[str, ...] = ()
    """Keys of `OUTPUTS`."""
    simplify: float = SIMPLIFY
    """Pixels by which outlines may be moved to save corners."""
    overwrite: bool = False


@dataclass(frozen=True)
class Item:
    """One picture and what was found in it."""

    name: str
    """Where its results go below the output folder, without an ending, parts joined by ``/``."""
    source: Path
    result: Segmentation
    simplify: float = SIMPLIFY

    @property
    def picture_name(self) -> str:
        """What the picture is called in files for annotation tools."""
        return self.name + self.source.suffix

    @cached_property
    def polygons(self) -> tuple[Polygon, ...]:
        """Regions of all classes but the background, the largest first."""
        return self.result.polygons(simplify=self.simplify)

    @cached_property
    def shapes(self) -> tuple["Shape", ...]:
        """The polygons, to be painted in this order."""
        bare = ~covered_by(self.result.mask, self.result.label_set)
        return tuple(Shape(polygon, _open_holes(polygon, bare)) for polygon in self.polygons)


@dataclass(frozen=True)
class Shape:
    """A polygon for formats without holes, in which later shapes are painted over earlier ones."""

    polygon: Polygon
    open_holes: tuple[Ring, ...]
    """Holes that no later shapes fill; only these have to be cut out."""

    @property
    def ring(self) -> Ring:
        """The outline, with a line to each open hole and back."""
        return bridged(self.polygon.outer, self.open_holes)


def _open_holes(polygon: Polygon, bare: NDArray[np.bool_]) -> tuple[Ring, ...]:
    """Holes in whose boxes pixels of no shape are; others are painted over as a whole."""
    found = []
    for hole in polygon.holes:
        (left, top), (right, bottom) = hole.min(axis=0), hole.max(axis=0)
        if bare[top:bottom, left:right].any():
            found.append(hole)
    return tuple(found)


WriteOne: TypeAlias = Callable[[Path, Item, Job], None]
"""Writes the file of one picture."""
WriteRun: TypeAlias = Callable[[Path, Job], AbstractContextManager[Callable[[Item], None]]]
"""Opens a file of the whole run, that takes pictures and is in its place when it is closed well."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """A kind of output: a file for each picture, files for the whole run, or both."""

    about: str
    """What it is, in a few words."""
    write: WriteOne | None = None
    ending: str = ""
    """What stands behind the picture's name; empty for the picture's own ending."""
    folder: str = ""
    """Where the files of pictures are, below the output folder."""
    single: tuple[str, ...] = ()
    """Endings by which one file can be asked for instead of a folder, in small letters."""
    run: Mapping[str, WriteRun] = field(default_factory=dict)
    """Files of the whole run by their names."""
    needs: frozenset[Need] = frozenset()
    """What the prediction must have besides the mask."""

    def place(self, name: str, source: Path, out: Path) -> Path:
        """Where the file of a picture is."""
        return out / self.folder / f"{name}{self.ending or source.suffix}"
