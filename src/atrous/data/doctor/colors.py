"""Tell the colours that stand for classes from those that smoothing left between them."""

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
_STRAY = 0.1


def main_colors(counts: Mapping[Color, int]) -> list[Color]:
    """The colours that are no mixture of more frequent ones and not right beside one.

    Args:
        counts: Pixels of each colour.

    Returns:
        At most 256 colours, the most frequent first.
    """
    main: list[Color] = []
    for color, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        # A stray colour is ten times rarer than those that it comes from.
        parents = [other for other in main if count < _STRAY * counts[other]]
        if not is_blend(color, parents):
            main.append(color)
        if len(main) == _MAX_CLASSES:
            break
    return main


def is_blend(color: Color, parents: Sequence[Color]) -> bool:
    """Whether a colour lies near one of ``parents``, or on the line between two of them."""
    if not parents:
        return False
    points = np.array(parents, np.float64)
    away = points - np.array(color, np.float64)
    distance = np.linalg.norm(away, axis=1)
    if distance.min() < _NEAR:
        return True
    # On the line between two of them, the ways to both go in opposite directions.
    along = away @ away.T
    return bool((along <= -0.999 * np.outer(distance, distance)).any())


def nearest(color: Color, others: Sequence[Color]) -> Color:
    """The colour of ``others`` at the smallest distance in RGB."""
    return min(
        others, key=lambda other: sum((a - b) ** 2 for a, b in zip(color, other, strict=True))
    )


def recognize(main: Sequence[Color]) -> tuple[str, LabelSet] | None:
    """The known palette that has all of these colours, with its name."""
    wanted = set(main) - VOID
    for name, label_set in KNOWN_PALETTES.items():
        if len(wanted) > 1 and wanted <= set(label_set.palette):
            return name, label_set
    return None


def classes_from_colors(main: Sequence[Color]) -> LabelSet:
    """A numbered class for each colour, by rising red, green and blue, so that black is first."""
    palette = sorted(set(main) - VOID)
    names = tuple(f"color {red:02x}{green:02x}{blue:02x}" for red, green, blue in palette)
    return LabelSet(names, tuple(palette) or distinct_palette(len(names)))
