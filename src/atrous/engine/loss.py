"""The loss that a config describes."""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from atrous.engine.config import LossConfig
from atrous.errors import ConfigError
from atrous.layers.resize import resize
from atrous.losses import LOSSES
from atrous.losses.hard_pixels import hard_fraction_at
from atrous.losses.pyramid import over_scales
from atrous.runtime.bilinear import AlignCorners

LossAtStep: TypeAlias = Callable[[Tensor, Tensor, int], Tensor]
"""From logits (B, C, h, w), or (S, B, C, h, w) of S scales, labels (B, H, W) and optimizer steps
so far to a scalar."""


def build_loss(
    config: LossConfig,
    *,
    num_classes: int,
    ignore_index: int,
    class_weights: Tensor | None = None,
    class_weights_steps: int | None = None,
    align_corners: AlignCorners = False,
) -> LossAtStep:
    """The sum of the losses that a config names, each times its factor.

    Logits smaller than the labels are resized to them first, as in the released code
    (``upsample_logits``). A batch in which every pixel is ignored costs 0, with gradients of 0.
    Losses of several scales are added up by `atrous.losses.pyramid.over_scales`.

    Args:
        config: Which losses, and their settings.
        num_classes: C.
        ignore_index: Label of pixels without loss.
        class_weights: (C,) factor on the loss of each class, on the device of the logits; None
            for 1.
        class_weights_steps: Steps after which these are dropped; None to keep them.
        align_corners: How logits are resized, see `atrous.layers.resize.resize`.

    Raises:
        ConfigError: If there is not one weight for each class.
    """
    if class_weights is not None and len(class_weights) != num_classes:
        raise ConfigError(f"{len(class_weights)} class weights for {num_classes} classes")

    def of_one(logits: Tensor, labels: Tensor, step: int) -> Tensor:
        maps = resize(logits, (labels.shape[1], labels.shape[2]), align_corners=align_corners)
        weighs = class_weights_steps is None or step < class_weights_steps
        settings = _settings(config, step)
        losses = [
            factor
            * LOSSES[name](
                maps,
                labels,
                ignore_index=ignore_index,
                class_weights=class_weights if weighs else None,
                **settings.get(name, {}),
            )
            for name, factor in config.factors.items()
        ]
        return torch.stack(losses).sum()

    def loss(logits: Tensor, labels: Tensor, step: int) -> Tensor:
        scales = logits.unbind() if logits.dim() == 5 else (logits,)
        return over_scales(lambda maps: of_one(maps, labels, step), scales, merge=config.merge)

    return loss


def _settings(config: LossConfig, step: int) -> dict[str, dict[str, float]]:
    """What each loss is told besides the classes, by its name."""
    entropy = {"label_smoothing": config.label_smoothing}
    if config.hard_fraction < 1:
        entropy["hard_fraction"] = hard_fraction_at(
            step, fraction=config.hard_fraction, steps=config.hard_steps
        )
    return {
        "cross_entropy": entropy,
        "focal": {"gamma": config.focal_gamma},
        "boundary": {"factor": config.boundary_factor, "sigma": config.boundary_sigma},
    }
