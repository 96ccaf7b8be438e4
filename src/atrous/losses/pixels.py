"""Losses of single pixels, and the means over them that the losses share."""

import torch
import torch.nn.functional as F
from torch import Tensor


def full_precision(logits: Tensor) -> Tensor:
    """Logits in float32 where they come in half precision, else as they are."""
    return logits if logits.dtype == torch.float64 else logits.float()


def pixel_cross_entropy(
    logits: Tensor, labels: Tensor, *, ignore_index: int, label_smoothing: float = 0.0
) -> Tensor:
    """Cross entropy of each pixel, 0 where it is ignored.

    Args:
        logits: (B, C, H, W).
        labels: (B, H, W) int64 class indices, or ``ignore_index``.
        ignore_index: Label of pixels without loss.
        label_smoothing: Share of the true class's probability that is spread evenly over all
            classes (Szegedy et al., arXiv:1512.00567, section 7).

    Returns:
        (B, H, W).
    """
    logits = full_precision(logits)
    losses = F.cross_entropy(logits, labels, ignore_index=ignore_index, reduction="none")
    if not label_smoothing:
        return losses
    spread = -logits.log_softmax(dim=1).mean(dim=1)
    mixed = (1 - label_smoothing) * losses + label_smoothing * spread
    return mixed.where(labels != ignore_index, 0)


def weighted(
    losses: Tensor, labels: Tensor, *, ignore_index: int, class_weights: Tensor | None
) -> Tensor:
    """Losses (B, H, W) times the weight of the class that each pixel is labelled with."""
    if class_weights is None:
        return losses
    classes = labels.where(labels != ignore_index, 0)
    return losses * class_weights.to(losses.dtype)[classes]


def mean_of_labelled(losses: Tensor, labels: Tensor, *, ignore_index: int) -> Tensor:
    """The sum of losses (B, H, W) over the number of labelled pixels; 0 if there are none.

    This is the released code's mean: weights of classes do not enter the denominator, as they do
    in `torch.nn.functional.cross_entropy`.
    """
    return losses.sum() / (labels != ignore_index).sum().clamp(min=1)


def mean_of_present(losses: Tensor, present: Tensor, class_weights: Tensor | None) -> Tensor:
    """The sum of losses of classes (C,) over the number of those that are present; 0 if none is.

    Args:
        losses: Loss of each class, finite also where the class is absent.
        present: (C,) bool, which classes are labelled somewhere.
        class_weights: (C,) factor on the loss of each class; None for 1.
    """
    if class_weights is not None:
        losses = losses * class_weights.to(losses.dtype)
    return losses.where(present, 0).sum() / present.sum().clamp(min=1)
