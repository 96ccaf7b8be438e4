"""The loss over several scales of one batch."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def over_scales(
    loss: Callable[[Tensor], Tensor], logits: Sequence[Tensor], *, merge: str = "max"
) -> Tensor:
    """The sum of the losses of each scale, and of all merged; of a single scale just its loss.

    As the released code trains with ``image_pyramid``: the same pictures go through the network in
    several sizes, each is held against the labels by itself, and so is what the merged logits say.

    Args:
        loss: Logits (B, C, H, W) -> a scalar.
        logits: One (B, C, H, W) for each scale, all resized to one size.
        merge: ``max`` or ``mean`` over the scales, as at prediction.
    """
    if len(logits) == 1:
        return loss(logits[0])
    scales = torch.stack(tuple(logits))
    merged = scales.amax(dim=0) if merge == "max" else scales.mean(dim=0)
    return torch.stack([loss(maps) for maps in (*logits, merged)]).sum()
