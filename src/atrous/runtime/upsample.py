"""From logits at a low resolution to labels at the picture's."""

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from atrous.imaging import LabelMap

AlignCorners: TypeAlias = bool | Literal["first"]
"""What lies on each other when a map is resized: the centres of the corner pixels (True), their
outer edges (False), or the centres of the first pixels alone, with steps of the sizes' ratio."""
_STRIP_VALUES = 1 << 21
"""Logits that are interpolated at a time, so that memory does not grow with the picture."""


def upsample_labels(
    logits: NDArray[np.float32], size: tuple[int, int], *, align_corners: AlignCorners
) -> LabelMap:
    """Interpolate logits bilinearly and take the best class of each pixel.

    The labels are those of ``interpolate(logits, size).argmax(0)``, but the full-size logits
    never exist at once: columns are interpolated first, rows strip by strip. Of classes that tie
    the first wins.

    Args:
        logits: (C, h, w).
        size: Height and width of the result.
        align_corners: Which corners lie on each other, see `AlignCorners`.

    Returns:
        (height, width) uint8, or uint16 for more than 256 classes.
    """
    classes = logits.shape[0]
    labels = np.empty(size, np.uint8 if classes <= 256 else np.uint16)
    for strip, (full,) in _strips([logits], size, align_corners):
        labels[strip] = _best_class(full, labels.dtype)
    return labels


def mean_softmax(
    views: Sequence[NDArray[np.float32]], size: tuple[int, int], *, align_corners: AlignCorners
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Interpolate several logits of one picture, and average their softmax.

    Args:
        views: Each (C, h, w), of any height and width.
        size: Height and width of the picture.
        align_corners: As in `upsample_labels`.

    Yields:
        Strips of rows, and their class probabilities (C, rows, width); together all rows.
    """
    for strip, full in _strips(views, size, align_corners):
        total = np.zeros_like(full[0])
        for logits in full:
            powers = np.exp(logits - logits.max(axis=0))
            total += powers / powers.sum(axis=0)
        yield strip, total / np.float32(len(full))


def average_labels(
    views: Sequence[NDArray[np.float32]], size: tuple[int, int], *, align_corners: AlignCorners
) -> LabelMap:
    """The class of each pixel that is likeliest in the `mean_softmax` of several views."""
    labels = np.empty(size, np.uint8 if views[0].shape[0] <= 256 else np.uint16)
    for strip, probabilities in mean_softmax(views, size, align_corners=align_corners):
        labels[strip] = _best_class(probabilities, labels.dtype)
    return labels


def confidence_of(
    labels: LabelMap,
    views: Sequence[NDArray[np.float32]],
    *,
    align_corners: AlignCorners,
) -> NDArray[np.float32]:
    """Probability of each pixel's label in the `mean_softmax` of one or several views.

    Args:
        labels: (H, W), for which the probability is wanted.
        views: Each (C, h, w), of any height and width.
        align_corners: As in `upsample_labels`.

    Returns:
        (H, W), 0 to 1.
    """
    confidence = np.empty(labels.shape, np.float32)
    size = (labels.shape[0], labels.shape[1])
    for strip, probabilities in mean_softmax(views, size, align_corners=align_corners):
        index = labels[strip][None].astype(np.intp)
        confidence[strip] = np.take_along_axis(probabilities, index, axis=0)[0]
    return confidence


def resize_bilinear(
    values: NDArray[np.float32], size: tuple[int, int], *, align_corners: AlignCorners
) -> NDArray[np.float32]:
    """Interpolate maps (C, h, w) to (C, height, width)."""
    wide = _interpolate(values, 2, _taps(values.shape[2], size[1], align_corners))
    return _interpolate(wide, 1, _taps(values.shape[1], size[0], align_corners))


def _strips(
    views: Sequence[NDArray[np.float32]], size: tuple[int, int], align_corners: AlignCorners
) -> Iterator[tuple[slice, list[NDArray[np.float32]]]]:
    """Strips of rows, and every view interpolated there."""
    height, width = size
    wide = [_interpolate(view, 2, _taps(view.shape[2], width, align_corners)) for view in views]
    taps = [_taps(view.shape[1], height, align_corners) for view in views]
    rows = max(_STRIP_VALUES // (views[0].shape[0] * width), 1)
    for start in range(0, height, rows):
        strip = slice(start, start + rows)
        yield (
            strip,
            [
                _interpolate(view, 1, (below[strip], above[strip], share[strip]))
                for view, (below, above, share) in zip(wide, taps, strict=True)
            ],
        )


def _best_class(logits: NDArray[np.float32], dtype: np.dtype[np.generic]) -> LabelMap:
    """(C, h, w) -> (h, w): argmax over the first axis, one pass over each class."""
    best = logits[0].copy()
    labels = np.zeros(best.shape, dtype)
    for index in range(1, logits.shape[0]):
        better = logits[index] > best
        np.copyto(best, logits[index], where=better)
        labels[better] = index
    return labels


def _taps(
    source: int, target: int, align_corners: AlignCorners
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """For each target pixel: its two source pixels, and the share of the second."""
    places = np.arange(target, dtype=np.float64)
    if align_corners == "first":
        places *= source / target
    elif align_corners:
        places *= (source - 1) / (target - 1) if target > 1 else 0.0
    else:
        places = np.clip((places + 0.5) * (source / target) - 0.5, 0.0, source - 1)
    below = np.minimum(places.astype(np.intp), source - 1)
    above = np.minimum(below + 1, source - 1)
    return below, above, (places - below).astype(np.float32)


def _interpolate(
    values: NDArray[np.float32],
    axis: int,
    taps: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]],
) -> NDArray[np.float32]:
    below, above, share = taps
    shape = [1] * values.ndim
    shape[axis] = -1
    weight = share.reshape(shape)
    return np.take(values, below, axis) * (1 - weight) + np.take(values, above, axis) * weight
