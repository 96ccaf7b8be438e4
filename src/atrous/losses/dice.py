"""Dice loss."""

import torch
from torch import Tensor

from atrous.losses.pixels import full_precision, mean_of_present


def dice(
    logits: Tensor, labels: Tensor, *, ignore_index: int, class_weights: Tensor | None = None
) -> Tensor:
    """One less the soft Dice coefficient, as a mean over the classes that the batch's labels show.

    The coefficient is that of Milletari et al., arXiv:1606.04797, section 3:
    2 sum(p g) / (sum(p ** 2) + sum(g ** 2)), for each class over all labelled pixels of the batch.

    Args:
        logits: (B, C, H, W).
        labels: (B, H, W) int64 class indices, or ``ignore_index``.
        ignore_index: Label of pixels that are left out.
        class_weights: (C,) factor of each class's loss; None for 1.

    Returns:
        A scalar, in float32 where the logits are in half precision; 0 if all pixels are ignored.
    """
    labelled = labels != ignore_index
    shares = full_precision(logits).softmax(dim=1).where(labelled[:, None], 0)
    classes = torch.arange(logits.shape[1], device=labels.device)[:, None, None]
    truth = labels.where(labelled, -1)[:, None] == classes
    everywhere = (0, 2, 3)
    size = truth.sum(everywhere)
    common = (shares * truth).sum(everywhere)
    # An absent class may have no share at all; what is divided by then does not matter.
    around = (shares.square().sum(everywhere) + size).clamp(min=1e-12)
    return mean_of_present(1 - 2 * common / around, size > 0, class_weights)
