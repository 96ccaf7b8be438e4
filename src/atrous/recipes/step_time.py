"""How long a step of a recipe takes on this machine."""

import time
from collections.abc import Callable

import torch

from atrous.engine.loss import build_loss
from atrous.models.build import build_model
from atrous.models.memory import is_out_of_memory
from atrous.recipes.assemble import at_scales, precision_of
from atrous.recipes.recipe import Recipe

_SAMPLES = 2
"""Enough for norms; a step of more takes as much longer."""
_IGNORED = 255
_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def step_seconds(recipe: Recipe) -> float | None:
    """Take two passes over made-up samples, and scale the second one to a whole step.

    Reading, evaluations and the optimizer are left out: it is an estimate.

    Args:
        recipe: Says what network sees how many pixels.

    Returns:
        Seconds; None if there is no memory for so few samples.
    """
    try:
        take = _pass_of(recipe)
        take()  # the first one finds memory and kernels
        start = time.perf_counter()
        take()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None
    return (time.perf_counter() - start) * recipe.train.batch_size / _SAMPLES


def _pass_of(recipe: Recipe) -> Callable[[], None]:
    """Forward and backward through a new network of the recipe, on its device."""
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    device, config = found or torch.device("cpu"), recipe.train
    layout = torch.channels_last if config.channels_last else torch.contiguous_format
    network = build_model(recipe.model).to(device).to(memory_format=layout).train()
    model = at_scales(network, config.loss.scales)
    loss = build_loss(config.loss, num_classes=recipe.model.num_classes, ignore_index=_IGNORED)
    size = (_SAMPLES, recipe.model.in_channels, *recipe.data.crop_size)
    images = torch.zeros(size, device=device).contiguous(memory_format=layout)
    labels = torch.zeros(_SAMPLES, *recipe.data.crop_size, dtype=torch.long, device=device)
    number = _TYPES.get(precision_of(config.precision))

    def take() -> None:
        with torch.autocast(device.type, number, enabled=number is not None):
            logits = model(images)
        loss(logits.float(), labels, 0).backward()
        if found:
            torch.accelerator.synchronize()

    return take
