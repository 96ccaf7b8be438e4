"""Fewer corners for borders, in such a way that neighbours keep sharing them."""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from atrous.runtime.rings import BorderRing, Ring


def simplify_ring(ring: BorderRing, tolerance: float) -> Ring:
    """Leave out corners that are no farther than ``tolerance`` pixels from the line without them.

    The ring is cut where three regions meet, and each part is simplified by itself (Douglas and
    Peucker) and in the same direction for both its regions: no gap opens between neighbours.
    A ring that would collapse to a line keeps all its corners.
    """
    if tolerance <= 0 or len(ring.corners) <= 4:
        return ring.corners
    # Without a point where others meet, both regions begin at the same one: the lowest.
    starts = np.flatnonzero(ring.meets)
    if not len(starts):
        starts = np.lexsort(ring.corners.T)[:1]
    closed = np.roll(ring.corners, -starts[0], axis=0)
    closed = np.concatenate([closed, closed[:1]])
    cuts = [*(starts - starts[0]).tolist(), len(closed) - 1]
    arcs = [simplify_arc(closed[begin : end + 1], tolerance)[:-1] for begin, end in pairwise(cuts)]
    simple = np.concatenate(arcs)
    return simple if _encloses_area(simple) else ring.corners


def simplify_arc(arc: Ring, tolerance: float) -> Ring:
    """A line with fewer points, from the same first to the same last one."""
    if len(arc) <= 2:
        return arc
    if (arc[0] == arc[-1]).all():
        middle = _farthest(arc)
        halves = simplify_arc(arc[: middle + 1], tolerance), simplify_arc(arc[middle:], tolerance)
        return np.concatenate([halves[0][:-1], halves[1]])
    if tuple(arc[0]) > tuple(arc[-1]):
        return _douglas_peucker(arc[::-1], tolerance)[::-1]
    return _douglas_peucker(arc, tolerance)


def _douglas_peucker(arc: Ring, tolerance: float) -> Ring:
    simple = cv2.approxPolyDP(arc.astype(np.int32)[:, None], tolerance, closed=False)
    return np.asarray(simple, np.int64)[:, 0]


def _farthest(arc: Ring) -> int:
    """The point farthest from the first; of several the lowest, whichever way the line runs."""
    distance = ((arc - arc[0]) ** 2).sum(axis=1)
    return int(np.lexsort((arc[:, 0], arc[:, 1], -distance))[0])


def _encloses_area(ring: Ring) -> bool:
    return len(ring) > 2 and ring_area(ring) != 0


def ring_area(ring: Ring | NDArray[np.float64]) -> float:
    """Area inside a ring in square pixels, negative for holes."""
    x, y = ring.T
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum()) / 2
