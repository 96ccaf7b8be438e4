"""What training makes small."""

from collections.abc import Mapping
from typing import Protocol

from torch import Tensor

from atrous.losses.boundary import boundary
from atrous.losses.cross_entropy import cross_entropy
from atrous.losses.dice import dice
from atrous.losses.focal import focal
from atrous.losses.lovasz import lovasz


class Loss(Protocol):
    """How far logits are from labels."""

    def __call__(
        self,
        logits: Tensor,
        labels: Tensor,
        *,
        ignore_index: int,
        class_weights: Tensor | None = None,
    ) -> Tensor:
        """A scalar from logits (B, C, H, W) and labels (B, H, W); 0 if all pixels are ignored."""


LOSSES: Mapping[str, Loss] = {
    "cross_entropy": cross_entropy,
    "focal": focal,
    "dice": dice,
    "lovasz": lovasz,
    "boundary": boundary,
}
"""Losses by name. Each also has settings of its own with defaults."""
