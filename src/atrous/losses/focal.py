"""Focal loss."""

import torch
from torch import Tensor

from atrous.losses.pixels import mean_of_labelled, pixel_cross_entropy, weighted


def focal(
    logits: Tensor,
    labels: Tensor,
    *,
    ignore_index: int,
    class_weights: Tensor | None = None,
    gamma: float = 2.0,
) -> Tensor:
    """Cross entropy that pixels count for the less in, the surer they are: (1 - p) ** gamma.

    Equation 5 of Lin et al., arXiv:1708.02002, over the softmax in place of a sigmoid for each
    class, with ``class_weights`` for alpha. Its sum is divided by the number of labelled pixels,
    as there is nothing like the paper's boxes that belong to an object.

    Args:
        logits: (B, C, H, W).
        labels: (B, H, W) int64 class indices, or ``ignore_index``.
        ignore_index: Label of pixels without loss.
        class_weights: (C,) factor of each class's loss; None for 1.
        gamma: How fast sure pixels lose their weight; 0 for cross entropy.

    Returns:
        A scalar, in float32 where the logits are in half precision.
    """
    entropy = pixel_cross_entropy(logits, labels, ignore_index=ignore_index)
    # Above 0, as the power's slope is infinite there for a gamma below 1.
    unsure = (-torch.expm1(-entropy)).clamp(min=torch.finfo(entropy.dtype).tiny)
    losses = weighted(
        unsure**gamma * entropy, labels, ignore_index=ignore_index, class_weights=class_weights
    )
    return mean_of_labelled(losses, labels, ignore_index=ignore_index)
