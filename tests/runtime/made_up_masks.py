"""Masks that polygons are tried on."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from atrous.data.outlines import fill
from atrous.runtime.polygons import Polygon, bridged

masks = arrays(
    np.uint8,
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    elements=st.integers(0, 3),
    fill=st.integers(0, 1),
)
"""(H, W) of up to 4 values: specks, holes, regions that touch at corners."""


def painted(polygons: tuple[Polygon, ...], size: tuple[int, ...], nothing: int = 255) -> np.ndarray:
    """Polygons filled where pixel centres are inside them; none may cover another."""
    labels = np.full(size, nothing, np.uint8)
    for polygon in polygons:
        covered = np.zeros(size, np.uint8)
        fill(covered, bridged(polygon.outer, polygon.holes).astype(float), 1)
        assert (labels[covered == 1] == nothing).all()
        labels[covered == 1] = polygon.class_index
    return labels


def street(size: tuple[int, int] = (60, 80)) -> np.ndarray:
    """Smooth regions of 4 classes with holes, as a network gives them."""
    y, x = np.mgrid[: size[0], : size[1]]
    mask = (y + 6 * np.sin(x / 9) > size[0] / 2).astype(np.uint8)
    mask[(x - 50) ** 2 + (y - 40) ** 2 < 150] = 2
    mask[(x - 50) ** 2 + (y - 40) ** 2 < 30] = 3
    mask[(x - 20) ** 2 + 2 * (y - 15) ** 2 < 90] = 3
    return mask
