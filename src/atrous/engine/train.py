"""The training loop."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader

from atrous.data.loader import Batch, plain_errors
from atrous.losses.cross_entropy import cross_entropy


@dataclass(frozen=True)
class Progress:
    """What one step came to."""

    epoch: int
    """Counted from 0."""
    step: int
    """Optimizer steps so far, this one included."""
    loss: float
    learning_rate: float
    """Of ASPP, decoder and classifier."""
    images: int
    """Pictures in the batch."""


@dataclass
class Trainee:
    """What is trained, and what training carries along."""

    model: nn.Module
    optimizer: Optimizer
    schedule: LRScheduler
    average: AveragedModel | None
    """Moving average of the weights; None if there is none."""
    epoch: int = 0
    step: int = 0

    @property
    def to_keep(self) -> nn.Module:
        """The network that is evaluated and shipped: the average where there is one."""
        return self.average.module if self.average else self.model


def moving_average(model: nn.Module, decay: float) -> AveragedModel | None:
    """An exponential moving average of weights and norm statistics; None for a decay of 0."""
    if not decay:
        return None
    return AveragedModel(
        model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True
    ).requires_grad_(False)


def train_epoch(
    trainee: Trainee,
    batches: DataLoader[Batch],
    accelerator: Accelerator,
    *,
    ignore_index: int,
    class_weights: Tensor | None,
    on_step: Callable[[Progress], None],
) -> float:
    """Train in place for one pass over the batches.

    Args:
        trainee: Model, optimizer and schedule, as `accelerator.prepare` returned them.
        batches: Images and labels.
        accelerator: Owns devices, precision and ranks.
        ignore_index: Label of pixels that carry no loss.
        class_weights: Factor on the loss of each class, on the device; None for 1.
        on_step: Called after each step.

    Returns:
        The mean loss over the steps.
    """
    model, optimizer = trainee.model, trainee.optimizer
    model.train()
    losses: list[float] = []
    for images, labels in plain_errors(batches):
        learning_rate = float(optimizer.param_groups[0]["lr"])
        with accelerator.autocast():
            logits = model(images.contiguous(memory_format=torch.channels_last))
        loss = cross_entropy(logits, labels, ignore_index=ignore_index, class_weights=class_weights)
        optimizer.zero_grad()
        accelerator.backward(loss)
        optimizer.step()
        trainee.schedule.step()
        if trainee.average:
            trainee.average.update_parameters(accelerator.unwrap_model(model))
        trainee.step += 1
        losses.append(loss.item())
        on_step(Progress(trainee.epoch, trainee.step, losses[-1], learning_rate, images.shape[0]))
    trainee.epoch += 1
    return sum(losses) / max(len(losses), 1)
