"""The regions of a label map as polygons with holes."""

from collections.abc import Container
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from atrous.imaging import LabelMap
from atrous.runtime.regions import find_regions
from atrous.runtime.rings import BorderRing, Ring, trace_rings
from atrous.runtime.simplify import ring_area, simplify_ring

SIMPLIFY = 1.0
"""Pixels by which outlines may be moved, unless told. The corners of a slanted line's stairs lie
up to 0.71 pixels beside it: 1 is the smallest round number that makes a straight line of them."""


@dataclass(frozen=True)
class Polygon:
    """One connected region of a class, outlined along the sides of its pixels."""

    class_index: int
    outer: Ring
    """(N, 2) corners x, y in pixels, clockwise on the screen; 0, 0 is the picture's corner."""
    holes: tuple[Ring, ...]
    """As ``outer``, the other way round."""
    area: int
    """Pixels of the region; holes do not count."""
    filled_area: int
    """Pixels of the region and of its holes."""
    box: tuple[int, int, int, int]
    """Left, top, width and height in pixels."""
    _ids: NDArray[np.int32] = field(repr=False, compare=False)
    _region: int = field(repr=False, compare=False)

    def pixels(self) -> NDArray[np.bool_]:
        """(height, width) of the box: which pixels are the region's, whatever was simplified."""
        left, top, width, height = self.box
        return self._ids[top : top + height, left : left + width] == self._region


def polygons_of(
    mask: LabelMap, *, simplify: float = SIMPLIFY, without: Container[int] = ()
) -> tuple[Polygon, ...]:
    """Outline every region, the largest first, so that what lies inside another comes after it.

    Filling the rings where pixel centres are inside gives the mask back if ``simplify`` is 0.

    Args:
        mask: (H, W) class indices.
        simplify: Pixels by which outlines may be moved to save corners; 0 for none.
        without: Class indices that are not outlined.

    Raises:
        ResourceError: If the mask has more borders than any real one.
    """
    regions = find_regions(mask)
    rings: dict[int, list[BorderRing]] = {}
    for ring in trace_rings(regions.ids):
        if int(regions.values[ring.region]) not in without:
            rings.setdefault(ring.region, []).append(ring)
    made = [
        _polygon(
            [simplify_ring(ring, simplify) for ring in borders],
            outer=borders[0],
            class_index=int(regions.values[region]),
            area=int(regions.areas[region]),
            ids=regions.ids,
        )
        for region, borders in rings.items()
    ]
    return tuple(sorted(made, key=lambda one: (-one.filled_area, one.box)))


def _polygon(
    rings: list[Ring], *, outer: BorderRing, class_index: int, area: int, ids: NDArray[np.int32]
) -> Polygon:
    left, top = (int(value) for value in outer.corners.min(axis=0))
    right, bottom = (int(value) for value in outer.corners.max(axis=0))
    return Polygon(
        class_index,
        rings[0],
        tuple(rings[1:]),
        area,
        round(ring_area(outer.corners)),
        (left, top, right - left, bottom - top),
        ids,
        outer.region,
    )


def bridged(outer: Ring, holes: tuple[Ring, ...]) -> Ring:
    """One ring for a polygon with holes: a line leads to each hole and back on itself.

    For formats that know no holes. The lines cover nothing where pixel centres decide.
    """
    ring = outer
    for hole in sorted(holes, key=lambda one: tuple(one[0])):
        nearest = int(((ring - hole[0]) ** 2).sum(axis=1).argmin())
        there_and_back = [ring[: nearest + 1], hole, hole[:1], ring[nearest:]]
        ring = np.concatenate(there_and_back)
    return ring
