"""Lovász-softmax loss."""

import torch
from torch import Tensor

from atrous.losses.pixels import full_precision, mean_of_present


def lovasz(
    logits: Tensor, labels: Tensor, *, ignore_index: int, class_weights: Tensor | None = None
) -> Tensor:
    """A convex surrogate of one less the IoU, as a mean over the classes that the labels show.

    Equations 8 and 9 and algorithm 1 of Berman et al., arXiv:1705.08790, over all labelled pixels
    of the batch together.

    Args:
        logits: (B, C, H, W).
        labels: (B, H, W) int64 class indices, or ``ignore_index``.
        ignore_index: Label of pixels that are left out.
        class_weights: (C,) factor of each class's loss; None for 1.

    Returns:
        A scalar, in float32 where the logits are in half precision; 0 if all pixels are ignored.
    """
    labelled = labels != ignore_index
    shares = full_precision(logits).softmax(dim=1).movedim(1, -1)[labelled]
    truth = labels[labelled]
    present = torch.bincount(truth, minlength=logits.shape[1]) > 0
    # One class after the other, as the sorted errors of all would need C times the memory.
    losses = [
        _extension(shares[:, index], truth == index) if there else shares.sum() * 0
        for index, there in enumerate(present.tolist())
    ]
    return mean_of_present(torch.stack(losses), present, class_weights)


def _extension(share: Tensor, truth: Tensor) -> Tensor:
    """The Lovász extension of the Jaccard loss at the errors of one class.

    Args:
        share: (P,) softmax of the class.
        truth: (P,) bool, which pixels are of it; at least one.
    """
    errors, order = torch.where(truth, 1 - share, share).sort(descending=True)
    return errors @ _jaccard_steps(truth[order], errors.dtype)


def _jaccard_steps(truth: Tensor, dtype: torch.dtype) -> Tensor:
    """How much the Jaccard loss grows as one pixel after the other is taken wrongly.

    A pixel of the class leaves the intersection, and another one joins the union. Taken from
    these counts the steps are exact, where differences of losses near 1 are mostly rounding.

    Args:
        truth: (P,) bool, which pixels are of the class; at least one.
        dtype: Of the result, (P,).
    """
    left = truth.sum() - truth.cumsum(0)
    union = truth.sum() + (~truth).cumsum(0)
    joined = left.to(dtype) / (union * (union - 1).clamp(min=1))
    return torch.where(truth, 1 / union.to(dtype), joined)
