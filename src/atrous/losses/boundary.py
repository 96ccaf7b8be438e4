"""Cross entropy that counts more along the boundaries of the labels."""

import torch
from torch import Tensor

from atrous.losses.pixels import mean_of_labelled, pixel_cross_entropy, weighted

_SIGMAS = 3


def boundary(
    logits: Tensor,
    labels: Tensor,
    *,
    ignore_index: int,
    class_weights: Tensor | None = None,
    factor: float = 10.0,
    sigma: float = 5.0,
) -> Tensor:
    """Mean cross entropy with a weight of 1 + factor * exp(-d ** 2 / (2 * sigma ** 2)).

    The weight is that of equation 2 of Ronneberger et al., arXiv:1505.04597, where d is the
    distance to the nearest boundary in place of the sum of those to the nearest two cells.
    The sum is divided by the number of labelled pixels, not by their weights.

    Args:
        logits: (B, C, H, W).
        labels: (B, H, W) int64 class indices, or ``ignore_index``.
        ignore_index: Label of pixels without loss.
        class_weights: (C,) factor of each class's loss; None for 1.
        factor: What is added to the weight on a boundary.
        sigma: How far that reaches, in pixels; past 3 sigma nothing is added.

    Returns:
        A scalar, in float32 where the logits are in half precision.
    """
    losses = weighted(
        pixel_cross_entropy(logits, labels, ignore_index=ignore_index),
        labels,
        ignore_index=ignore_index,
        class_weights=class_weights,
    )
    distance = distance_to_boundary(labels, radius=max(round(_SIGMAS * sigma), 1))
    near = 1 + factor * torch.exp(-distance.square() / (2 * sigma**2))
    return mean_of_labelled(losses * near.to(losses.dtype), labels, ignore_index=ignore_index)


@torch.no_grad()
def distance_to_boundary(labels: Tensor, *, radius: int) -> Tensor:
    """Distance of each pixel to the nearest one that has a neighbour with another label.

    Ignored pixels count as a label of their own: PASCAL VOC marks the outlines of things so.

    Args:
        labels: (B, H, W) int64.
        radius: How far to look, in pixels.

    Returns:
        (B, H, W) float32, Euclidean and exact; infinite past ``radius``.
    """
    squared = torch.full(labels.shape, torch.inf, device=labels.device)
    squared[_touches_another(labels)] = 0
    for dim in (1, 2):
        squared = _spread(squared, dim=dim, radius=radius)
    return squared.where(squared <= radius**2, torch.inf).sqrt()


def _touches_another(labels: Tensor) -> Tensor:
    edges = torch.zeros_like(labels, dtype=torch.bool)
    for dim in (1, 2):
        length = labels.shape[dim] - 1
        changes = labels.narrow(dim, 0, length) != labels.narrow(dim, 1, length)
        edges.narrow(dim, 0, length).logical_or_(changes)
        edges.narrow(dim, 1, length).logical_or_(changes)
    return edges


def _spread(squared: Tensor, *, dim: int, radius: int) -> Tensor:
    """The least of squared distance and offset ** 2, over offsets along one axis."""
    nearest = squared.clone()
    for offset in range(1, min(radius, squared.shape[dim] - 1) + 1):
        length = squared.shape[dim] - offset
        for here, there in ((0, offset), (offset, 0)):
            place = nearest.narrow(dim, here, length)
            place.copy_(place.minimum(squared.narrow(dim, there, length) + offset**2))
    return nearest
