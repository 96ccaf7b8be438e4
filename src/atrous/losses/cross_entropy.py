"""Cross entropy over labelled pixels."""

from torch import Tensor

from atrous.losses.hard_pixels import mean_of_hardest
from atrous.losses.pixels import mean_of_labelled, pixel_cross_entropy, weighted


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    *,
    ignore_index: int,
    class_weights: Tensor | None = None,
    label_smoothing: float = 0.0,
    hard_fraction: float | None = None,
) -> Tensor:
    """Mean cross entropy over the pixels that are not ignored; 0 if all are.

    As in the released code the sum of weighted losses is divided by the number of labelled
    pixels, not by the sum of their weights as `torch.nn.functional.cross_entropy` does.

    Args:
        logits: (B, C, H, W).
        labels: (B, H, W) int64 class indices, or ``ignore_index``.
        ignore_index: Label of pixels without loss.
        class_weights: (C,) factor of each class's loss; None for 1.
        label_smoothing: Share of the true class's probability that is spread over all classes.
        hard_fraction: Share of the batch's pixels that the mean is taken over, those with the
            largest losses; see `atrous.losses.hard_pixels`. None for all labelled ones.

    Returns:
        A scalar, in float32 where the logits are in half precision.
    """
    losses = weighted(
        pixel_cross_entropy(
            logits, labels, ignore_index=ignore_index, label_smoothing=label_smoothing
        ),
        labels,
        ignore_index=ignore_index,
        class_weights=class_weights,
    )
    if hard_fraction is None:
        return mean_of_labelled(losses, labels, ignore_index=ignore_index)
    return mean_of_hardest(losses, hard_fraction)
