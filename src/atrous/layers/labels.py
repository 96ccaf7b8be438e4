"""From logits at a low resolution to labels, on the device that they are on."""

from typing import TypeAlias

import torch
from torch import Tensor

from atrous.layers.resize import resize
from atrous.runtime.bilinear import AlignCorners, Taps, taps

Axis: TypeAlias = tuple[Tensor, Tensor, Tensor]
_CHUNK_VALUES = 1 << 24
"""Logits that are interpolated at a time."""
_MANY = 0.25
"""Share of pixels above which it is faster to interpolate all of them."""


def upsample_labels(
    logits: Tensor, size: tuple[int, int], *, align_corners: AlignCorners
) -> Tensor:
    """The labels of ``resize(logits, size).argmax(1)``, mostly without logits of that size.

    Pixels between four logits with the same best class get that class; only the others are
    interpolated, see `atrous.runtime.cells`. Where these are many, as in noise, logits of full size
    are made after all. The first of classes that tie wins.

    Args:
        logits: (B, C, h, w), finite.
        size: Height and width of the result.
        align_corners: See `atrous.layers.resize.resize`.

    Returns:
        (B, height, width) int64, on the device of the logits.
    """
    rows, columns = (
        _on(logits.device, taps(source, target, align_corners))
        for source, target in zip(logits.shape[-2:], size, strict=True)
    )
    winners = logits.argmax(1)
    labels = _of_cells(winners, rows, columns)
    places = _of_cells(_undecided(winners), rows, columns).nonzero()
    if len(places) > _MANY * labels.numel():
        return resize(logits, size, align_corners=align_corners).argmax(1)
    values = logits.permute(0, 2, 3, 1)
    for chunk in places.split(max(_CHUNK_VALUES // logits.shape[1], 1)):
        image, y, x = chunk.unbind(1)
        top, bottom, down = (part[y] for part in rows)
        left, right, across = (part[x] for part in columns)
        upper, lower = (
            torch.lerp(values[image, at, left], values[image, at, right], across[:, None])
            for at in (top, bottom)
        )
        labels[image, y, x] = torch.lerp(upper, lower, down[:, None]).argmax(1)
    return labels


def _undecided(winners: Tensor) -> Tensor:
    """(B, h, w): whether the corners right of and below each place have other winners too."""
    right = torch.cat([winners[:, :, 1:], winners[:, :, -1:]], 2)
    below = torch.cat([winners[:, 1:], winners[:, -1:]], 1)
    opposite = torch.cat([right[:, 1:], right[:, -1:]], 1)
    return (winners != right) | (winners != below) | (winners != opposite)


def _of_cells(values: Tensor, rows: Axis, columns: Axis) -> Tensor:
    """For each pixel the value of its cell: (B, h, w) -> (B, height, width)."""
    return values[:, rows[0]][:, :, columns[0]]


def _on(device: torch.device, axis: Taps) -> Axis:
    """Both source pixels of every target pixel, and the share of the second."""
    below, above, share = (
        torch.from_numpy(part).to(device) for part in (axis.below, axis.above, axis.share)
    )
    return below, above, share
