"""Cross entropy over labelled pixels."""

import torch.nn.functional as F
from torch import Tensor


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    *,
    ignore_index: int,
    class_weights: Tensor | None = None,
) -> Tensor:
    """Mean cross entropy over the pixels that are not ignored; 0 if all are.

    As in the released code the sum of weighted losses is divided by the number of labelled
    pixels, not by the sum of their weights as `torch.nn.functional.cross_entropy` does.

    Args:
        logits: (B, C, H, W).
        labels: (B, H, W) int64 class indices, or ``ignore_index``.
        ignore_index: Label of pixels without loss.
        class_weights: (C,) factor of each class's loss; None for 1.

    Returns:
        A scalar, in float32 whatever the precision of the logits.
    """
    losses = F.cross_entropy(
        logits.float(), labels, weight=class_weights, ignore_index=ignore_index, reduction="sum"
    )
    return losses / (labels != ignore_index).sum().clamp(min=1)
