"""Connected regions of a label map, and the small ones given away."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from atrous.imaging import LabelMap


@dataclass(frozen=True)
class Regions:
    """The connected parts of a label map: pixels of one value that share sides."""

    ids: NDArray[np.int32]
    """(H, W), the number of each pixel's region, from 0."""
    values: NDArray[np.intp]
    """(R,) label of each region."""
    areas: NDArray[np.int64]
    """(R,) pixels of each region."""


def find_regions(mask: LabelMap) -> Regions:
    """Number the regions of a label map, those of the lowest label first.

    Pixels that touch at a corner alone belong to different regions.
    """
    ids = np.empty(mask.shape, np.int32)
    values: list[int] = []
    areas: list[NDArray[np.int64]] = []
    for value in np.flatnonzero(np.bincount(mask.ravel())).tolist():
        covered = mask == value
        count, parts, stats, _ = cv2.connectedComponentsWithStats(
            covered.view(np.uint8), connectivity=4
        )
        np.add(parts, len(values) - 1, out=ids, where=covered, casting="unsafe")
        values += [value] * (count - 1)
        areas.append(stats[1:, cv2.CC_STAT_AREA].astype(np.int64))
    return Regions(ids, np.array(values, np.intp), np.concatenate(areas))


def absorb_small(mask: LabelMap, min_area: int) -> LabelMap:
    """Give regions of fewer than ``min_area`` pixels to the labels around them.

    A small region takes the label that the longest part of its border has among its large
    neighbours; of labels with equal parts the lowest. Small regions that touch no large one wait
    until a neighbour has been given away. Where every region is small, the largest stays.

    Returns:
        (H, W), a new map; the argument itself where nothing is small.
    """
    regions = find_regions(mask)
    settled = regions.areas >= min_area
    if settled.all():
        return mask
    if not settled.any():
        settled[np.argmax(regions.areas)] = True
    values = regions.values.copy()
    one, other, lengths = _borders(regions.ids)
    begins = np.searchsorted(one, np.arange(len(values) + 1))
    latest = np.flatnonzero(settled)
    while len(latest):
        # A small region beside others settled before the latest would not be small any more.
        sides = _spans(begins[latest], begins[latest + 1])
        sides = sides[~settled[other[sides]]]
        latest, labels = _longest(other[sides], values[one[sides]], lengths[sides])
        values[latest], settled[latest] = labels, True
    return values.astype(mask.dtype)[regions.ids]


def _spans(begins: NDArray[np.intp], ends: NDArray[np.intp]) -> NDArray[np.intp]:
    """All numbers from each begin up to its end."""
    counts = ends - begins
    return np.arange(counts.sum()) + np.repeat(begins - (np.cumsum(counts) - counts), counts)


def _borders(
    ids: NDArray[np.int32],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of neighbouring regions, each both ways round and sorted, and the sides they share."""
    count = int(ids.max()) + 1
    pairs = []
    for one, other in ((ids[1:], ids[:-1]), (ids[:, 1:], ids[:, :-1])):
        apart = one != other
        first, second = one[apart].astype(np.int64), other[apart].astype(np.int64)
        pairs += [first * count + second, second * count + first]
    codes, lengths = np.unique(np.concatenate(pairs), return_counts=True)
    return codes // count, codes % count, lengths.astype(np.int64)


def _longest(
    regions: NDArray[np.int64], labels: NDArray[np.intp], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each region that occurs, the label with the greatest sum of lengths."""
    span = int(labels.max(initial=0)) + 1
    codes, place = np.unique(regions * span + labels, return_inverse=True)
    sums = np.bincount(place, weights=lengths)
    found, labels = codes // span, codes % span
    order = np.lexsort((labels, -sums, found))
    first = np.unique(found[order], return_index=True)
    return first[0], labels[order][first[1]]
