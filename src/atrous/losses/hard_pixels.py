"""The hardest pixels alone, as the released code picks them (``top_k_percent_pixels``)."""

from torch import Tensor


def mean_of_hardest(losses: Tensor, fraction: float) -> Tensor:
    """Mean of the largest losses, over those of them that are not 0; 0 if all are.

    As in the released code the fraction is of all pixels in the batch, ignored ones included;
    these have no loss, so they are taken last and do not count.

    Args:
        losses: (B, H, W), not negative, 0 where a pixel is ignored.
        fraction: Share of the pixels, above 0 and at most 1; one pixel at least is taken.
    """
    count = max(int(fraction * losses.numel()), 1)
    hardest = losses.flatten().topk(count, sorted=False).values
    return hardest.sum() / (hardest != 0).sum().clamp(min=1)


def hard_fraction_at(step: int, *, fraction: float, steps: int) -> float:
    """The share of pixels at a step: from all down to ``fraction``, evenly over ``steps``.

    Args:
        step: Optimizer steps so far.
        fraction: Share in the end.
        steps: Length of the way there; 0 for ``fraction`` from the beginning
            (``hard_example_mining_step`` of the released code).

    Examples:
        >>> [hard_fraction_at(step, fraction=0.25, steps=100) for step in (0, 40, 100, 900)]
        [1.0, 0.7, 0.25, 0.25]
    """
    gone = min(step / steps, 1.0) if steps else 1.0
    return gone * fraction + (1.0 - gone)
