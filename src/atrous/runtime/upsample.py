"""From logits at a low resolution to labels and probabilities at the picture's."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from atrous.errors import ConfigError, WeightsError
from atrous.imaging import LabelMap
from atrous.runtime.bilinear import AlignCorners, Taps, interpolate, resize_bilinear, taps
from atrous.runtime.cells import best_class, label_type, strip_labels

__all__ = [
    "AlignCorners",
    "average_labels",
    "confidence_of",
    "mean_softmax",
    "resize_bilinear",
    "upsample_labels",
]

_STRIP_PIXELS = 1 << 19
"""Pixels whose labels are made at a time, so that memory does not grow with the picture."""
_STRIP_VALUES = 1 << 20
"""Logits of the map that are looked at, or probabilities that are made, at a time."""
_MOST = float(np.finfo(np.float32).max) / 4
"""Size of logits up to which differences of differences of them cannot overflow."""


def upsample_labels(
    logits: NDArray[np.float32], size: tuple[int, int], *, align_corners: AlignCorners
) -> LabelMap:
    """Interpolate logits bilinearly and take the best class of each pixel.

    The labels are those of ``interpolate(logits, size).argmax(0)`` in exact arithmetic: of classes
    that tie the first wins. In float32 a pixel may have another label only where the two best
    interpolated logits differ by less than their rounding. The full-size logits never exist, and
    few of them are computed, see `atrous.runtime.cells`.

    Args:
        logits: (C, h, w).
        size: Height and width of the result.
        align_corners: Which corners lie on each other, see `AlignCorners`.

    Returns:
        (height, width) uint8, or uint16 for more than 256 classes.

    Raises:
        ConfigError: If the logits are not a map of one class or more, or the size is not positive.
        WeightsError: If a logit is not finite.
    """
    logits = _in_range(logits)
    rows, columns = _taps_of(logits, size, align_corners)
    labels = np.empty(size, label_type(len(logits)))
    most = min(_STRIP_PIXELS // size[1], _STRIP_VALUES * size[0] // logits.size)
    for strip, part in rows.strips(most):
        labels[strip] = strip_labels(logits, part, columns)
    return labels


def mean_softmax(
    views: Sequence[NDArray[np.float32]], size: tuple[int, int], *, align_corners: AlignCorners
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Interpolate the logits of one or several views of a picture, and average their softmax.

    Args:
        views: Each (C, h, w), finite, of any height and width.
        size: Height and width of the picture.
        align_corners: As in `upsample_labels`.

    Yields:
        Strips of rows, and their class probabilities (C, rows, width); together all rows. Memory
        is needed for one strip of one view at a time.
    """
    for strip, parts in _strips(views, size, align_corners):
        total = _softmax(interpolate(*parts[0]))
        for part in parts[1:]:
            total += _softmax(interpolate(*part))
        total /= np.float32(len(views))
        yield strip, total


def average_labels(
    views: Sequence[NDArray[np.float32]], size: tuple[int, int], *, align_corners: AlignCorners
) -> LabelMap:
    """The class of each pixel that is likeliest in the `mean_softmax` of several views."""
    labels = np.empty(size, label_type(len(views[0])))
    for strip, probabilities in mean_softmax(views, size, align_corners=align_corners):
        labels[strip] = best_class(probabilities)
    return labels


def confidence_of(
    labels: LabelMap, views: Sequence[NDArray[np.float32]], *, align_corners: AlignCorners
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


def _in_range(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """The logits, or a quarter of them if they are so large that differences overflow."""
    if logits.ndim != 3 or not logits.size:
        raise ConfigError(f"logits are a map (C, h, w) without empty sides, not {logits.shape}")
    most = max(float(logits.max()), -float(logits.min()))
    if not np.isfinite(most):
        raise WeightsError(
            "logits are not finite, so no class is the best; the weights that they come from are "
            "damaged, or the picture holds values that are not numbers"
        )
    return np.ascontiguousarray(logits * np.float32(0.25) if most > _MOST else logits)


def _taps_of(
    logits: NDArray[np.float32], size: tuple[int, int], align_corners: AlignCorners
) -> tuple[Taps, Taps]:
    if min(size) < 1:
        raise ConfigError(f"labels need a height and a width of 1 or more, not {size}")
    rows, columns = (
        taps(source, target, align_corners)
        for source, target in zip(logits.shape[1:], size, strict=True)
    )
    return rows, columns


def _strips(
    views: Sequence[NDArray[np.float32]], size: tuple[int, int], align_corners: AlignCorners
) -> Iterator[tuple[slice, list[tuple[NDArray[np.float32], Taps, Taps]]]]:
    """Strips of rows, and for every view what it is interpolated by there."""
    most = _STRIP_VALUES // (len(views[0]) * size[1])
    ways = [(view, *_taps_of(view, size, align_corners)) for view in views]
    for pieces in zip(*(rows.strips(most) for _, rows, _ in ways), strict=True):
        yield (
            pieces[0][0],
            [
                (view, part, columns)
                for (view, _, columns), (_, part) in zip(ways, pieces, strict=True)
            ],
        )


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Over the first axis, in place."""
    logits -= logits.max(0)
    np.exp(logits, out=logits)
    logits /= logits.sum(0)
    return logits
