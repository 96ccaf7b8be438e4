"""Tell the colours that stand for classes from those that smoothing left between them."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from atrous.data.camvid import CAMVID
from atrous.labels import CITYSCAPES, VOC, Color, LabelSet, distinct_palette

KNOWN_PALETTES: Mapping[str, LabelSet] = {
    "PASCAL VOC": VOC,
    "Cityscapes": CITYSCAPES,
    "CamVid": CAMVID,
}
"""Palettes by which a dataset of colours is recognized when it says nothing of its own."""
VOID: frozenset[Color] = frozenset({(224, 224, 192)})
"""What PASCAL VOC paints along objects' borders, and leaves out of the score."""
_MAX_CLASSES = 256
_NEAR = 40
_STRAY = 0.25
_MOST = 0.9
_CLUSTER = 70


def main_colors(counts: Mapping[Color, int]) -> list[Color]:
    """The colours that are no mixture of more frequent ones and not right beside one.

    Args:
        counts: Pixels of each colour.

    Returns:
        At most 256 colours, the most frequent first. Where there are more colours than classes
        can be, those of under 0.1 % of the pixels are left out: where three classes meet,
        smoothing leaves colours that are on no line between two.
    """
    main: list[Color] = []
    least = 0.001 * sum(counts.values()) if len(counts) > _MAX_CLASSES else 0
    for color, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        if count < least:
            break
        # A stray colour is several times rarer than those that it comes from.
        parents = [other for other in main if count < _STRAY * counts[other]]
        if not is_blend(color, parents):
            main.append(color)
        if len(main) == _MAX_CLASSES:
            break
    return main


def clustered_colors(counts: Mapping[Color, int]) -> list[Color]:
    """The colours that a lossy compression scattered: centres of clusters that weigh enough.

    Args:
        counts: Pixels of each colour.

    Returns:
        Colours with at least 1 % of the pixels around them that are no mixture of heavier ones,
        the heaviest first. Classes rarer than that cannot be told from what compression invents.
    """
    weights: dict[Color, int] = {}
    for color, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        centre = nearest(color, list(weights)) if weights else color
        own = distance(color, centre) > _CLUSTER and len(weights) < _MAX_CLASSES
        centre = color if own else centre
        weights[centre] = weights.get(centre, 0) + count
    least = 0.01 * sum(counts.values())
    main: list[Color] = []
    for color, weight in sorted(weights.items(), key=lambda item: (-item[1], item[0])):
        parents = [other for other in main if weight < 0.5 * weights[other]]
        if weight >= least and not is_blend(color, parents, straight=0.9):
            main.append(color)
    return main


def is_blend(color: Color, parents: Sequence[Color], *, straight: float = 0.999) -> bool:
    """Whether a colour lies near one of ``parents``, or on the line between two of them.

    Args:
        color: The colour in question.
        parents: Colours that it may come from.
        straight: How nearly opposite the ways to two of them must be, as a cosine.
    """
    if not parents:
        return False
    points = np.array(parents, np.float64)
    away = points - np.array(color, np.float64)
    lengths = np.linalg.norm(away, axis=1)
    if lengths.min() < _NEAR:
        return True
    # On the line between two of them, the ways to both go in opposite directions.
    along = away @ away.T
    return bool((along <= -straight * np.outer(lengths, lengths)).any())


def nearest(color: Color, others: Sequence[Color]) -> Color:
    """The colour of ``others`` at the smallest distance."""
    return min(others, key=lambda other: distance(color, other))


def distance(one: Color, other: Color) -> float:
    """How far apart two colours are in RGB, from 0 to 442."""
    return math.dist(one, other)


def recognize(counts: Mapping[Color, int], *, within: float = 0) -> tuple[str, LabelSet] | None:
    """The known palette of which nearly all pixels are, with its name.

    Args:
        counts: Pixels of each colour.
        within: How far colours may be from those of the palette.
    """
    plain = {color: count for color, count in counts.items() if color not in VOID}
    for name, label_set in KNOWN_PALETTES.items():
        shared = [c for c in plain if distance(c, nearest(c, label_set.palette)) <= within]
        if len(shared) > 1 and sum(plain[c] for c in shared) > _MOST * sum(plain.values()):
            return name, label_set
    return None


def classes_from_colors(main: Sequence[Color]) -> LabelSet:
    """A numbered class for each colour, by rising red, green and blue, so that black is first."""
    palette = sorted(set(main) - VOID)
    names = tuple(f"color {red:02x}{green:02x}{blue:02x}" for red, green, blue in palette)
    return LabelSet(names, tuple(palette) or distinct_palette(len(names)))
