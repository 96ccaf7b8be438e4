"""The moving average of the weights, which is evaluated and kept in place of them."""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

Tensors: TypeAlias = tuple[Tensor, ...] | list[Tensor]


def moving_average(model: nn.Module, decay: float, *, ramp: bool = False) -> AveragedModel | None:
    """An exponential moving average of weights and norm statistics; None for a decay of 0.

    Args:
        model: The network; the average begins with its weights (without ``ramp``, with those
            after the first step).
        decay: Share of the average that stays in each step.
        ramp: Whether the decay is at most (1 + n) / (10 + n), where n steps were averaged before,
            as TensorFlow's ``ExponentialMovingAverage`` has it when it is told of the step. A short
            run then does not remember the beginning.
    """
    if not decay:
        return None
    average = AveragedModel(
        model,
        multi_avg_fn=_ramped(decay) if ramp else get_ema_multi_avg_fn(decay),
        use_buffers=True,
    ).requires_grad_(False)
    if ramp:
        # AveragedModel forgets what it began with unless it has counted a first step.
        average.n_averaged.fill_(1)
    return average


def ramped_decay(decay: float, step: int) -> float:
    """The decay after ``step`` steps.

    Examples:
        >>> [ramped_decay(0.99, step) for step in (0, 8, 98, 10_000)]
        [0.1, 0.5, 0.9166666666666666, 0.99]
    """
    return min(decay, (1 + step) / (10 + step))


def _ramped(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    @torch.no_grad()
    def update(averages: Tensors, values: Tensors, counted: Tensor | int) -> None:
        share = 1 - ramped_decay(decay, int(counted) - 1)
        for average, value in zip(averages, values, strict=True):
            if average.is_floating_point():
                average.lerp_(value, share)
            else:  # how many batches a norm has seen
                average.copy_(value)

    return update
