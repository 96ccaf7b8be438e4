"""The borders of regions as closed rings along the sides of pixels."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from atrous.errors import ResourceError

Ring: TypeAlias = NDArray[np.int64]
"""(N, 2) corners x, y: 0, 0 is the upper left corner of the upper left pixel; not closed."""

_MOST_SIDES = 20_000_000


@dataclass(frozen=True)
class BorderRing:
    """A closed border of one region, which lies to the right of its direction."""

    region: int
    corners: Ring
    """Where it turns, and where three regions or more meet."""
    meets: NDArray[np.bool_]
    """(N,) whether more than two borders' ends meet at the corner."""


def trace_rings(ids: NDArray[np.int32]) -> list[BorderRing]:
    """Follow every border of every region.

    The first ring of a region is its outer one, clockwise on the screen; the others are its
    holes, the other way round. No ring passes the same point twice, and a border between two
    regions has the same corners in the rings of both.

    Args:
        ids: (H, W), numbers from 0 of connected regions, as `find_regions` makes them.

    Raises:
        ResourceError: If the borders are longer than those of any real mask.
    """
    width = ids.shape[1] + 2
    flat = np.pad(ids, 1, constant_values=-1).ravel()
    # Sides of a pixel, clockwise: its upper one leads right, its right one down, and so on.
    along = np.array([1, width, -1, -width])
    outward = np.roll(along, 1)
    sides = _border_sides(flat, outward)
    pixels, side = sides >> 2, sides & 3
    here, forward = flat[pixels], pixels + along[side]
    diagonal = forward + outward[side]
    # Where two pixels of a region touch at a corner the border goes over to the other one: it
    # keeps to the corner of a pixel outside, so that no ring touches itself.
    left = flat[diagonal] == here
    straight = ~left & (flat[forward] == here)
    target = np.where(left, diagonal, np.where(straight, forward, pixels))
    turned = np.where(left, side - 1, np.where(straight, side, side + 1)) & 3
    following = np.searchsorted(sides, target * 4 + turned)

    upper_left = pixels - np.array([width + 1, width, 0, 1])[side]
    meets = _borders_at(flat, upper_left, width) > 2
    kept = meets.copy()
    kept[following[~straight]] = True
    points = np.stack([upper_left % width, upper_left // width], axis=1)
    return [
        BorderRing(int(here[ring[0]]), points[chosen], meets[chosen])
        for ring in _cycles(following)
        for chosen in [ring[kept[ring]]]
    ]


def _border_sides(flat: NDArray[np.int32], outward: NDArray[np.intp]) -> NDArray[np.int64]:
    """Sides of pixels beyond which another region is: 4 times the pixel plus the side, sorted."""
    found = []
    # The frame of -1 is one pixel and a row wide, so that every step from inside stays in `flat`.
    first, last = int(outward.max()), len(flat) - int(outward.max())
    middle = flat[first:last]
    for side, step in enumerate(outward.tolist()):
        border = (middle != flat[first + step : last + step]) & (middle >= 0)
        found.append((np.flatnonzero(border) + first) * 4 + side)
    count = sum(len(part) for part in found)
    if count > _MOST_SIDES:
        raise ResourceError(
            f"the mask has borders of {count / 1e6:.0f} million pixels, too many to be outlined; "
            "--min-area 10 removes specks, and masks as PNG have no such limit"
        )
    return np.sort(np.concatenate(found))


def _borders_at(
    flat: NDArray[np.int32], upper_left: NDArray[np.int64], width: int
) -> NDArray[np.int64]:
    """How many borders end at the corner to the lower right of each pixel: 2, 3 or 4."""
    around = [flat[upper_left + step] for step in (0, 1, width + 1, width)]
    pairs = zip(around, [*around[1:], around[0]], strict=True)
    return np.sum([one != other for one, other in pairs], axis=0)


def _cycles(following: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The closed paths of a permutation, each from its lowest member, in their order."""
    after = following.tolist()
    seen = bytearray(len(after))
    cycles = []
    for first in range(len(after)):
        path: list[int] = []
        place = first
        while not seen[place]:
            seen[place] = 1
            path.append(place)
            place = after[place]
        if path:
            cycles.append(np.array(path))
    return cycles
