"""Labels of interpolated logits by other means, and what rounding can do to them."""

import numpy as np
import torch
import torch.nn.functional as F

UNIT = 2.0**-24
"""Largest relative error of one rounding in float32."""
OURS = 48
"""A logit that is interpolated twice by ``a + (b - a) * share`` has an error of up to 24 units of
the largest logit: for each of the two steps 2 for the difference, 2 for the rounded share, 2 for
the product, 1 for the sum, and 4 for the errors of the step before. A label is wrong if two differ
by less."""


def interpolated(logits, size, align_corners):
    """(C, h, w) -> (C, height, width) in float64, by torch or, for "first", by definition."""
    if align_corners == "first":
        for axis, side in ((1, size[0]), (2, size[1])):
            places = np.arange(side) * logits.shape[axis] / side
            logits = np.apply_along_axis(
                lambda row, at=places: np.interp(at, np.arange(len(row)), row), axis, logits
            )
        return logits
    full = F.interpolate(
        torch.from_numpy(logits.astype(np.float64))[None],
        size,
        mode="bilinear",
        align_corners=align_corners,
    )
    return full[0].numpy()


def torch_labels(logits, size, align_corners):
    full = F.interpolate(
        torch.from_numpy(np.ascontiguousarray(logits))[None],
        size,
        mode="bilinear",
        align_corners=align_corners,
    )
    return full.argmax(1)[0].numpy()


def lost(logits, labels, align_corners):
    """How much smaller the logit of each label is than the best, in float64: (height, width)."""
    full = interpolated(logits, labels.shape, align_corners)
    chosen = np.take_along_axis(full, labels[None].astype(np.int64), 0)[0]
    return full.max(0) - chosen


def assert_best(logits, labels, align_corners):
    """Every label is the best in float64, or ties with it within the rounding of float32."""
    assert lost(logits, labels, align_corners).max() <= OURS * UNIT * np.abs(logits).max()


def assert_differs_in_ties_only(logits, labels, align_corners):
    """Where torch has another label, ours and torch's tie within the rounding of both.

    torch's places in the map are rounded in float32: three roundings of up to the side's length,
    for two classes whose corners differ by up to twice the largest logit.
    """
    other = torch_labels(logits, labels.shape, align_corners)
    theirs = OURS + 12 * sum(logits.shape[1:])
    bound = theirs * UNIT * np.abs(logits).max()
    for found, limit in ((labels, OURS * UNIT * np.abs(logits).max()), (other, bound)):
        differing = lost(logits, found, align_corners)[labels != other]
        assert (differing <= limit).all()
