"""The training loop."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from accelerate import Accelerator
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from atrous.data.loader import Batch, plain_errors
from atrous.engine.loss import LossAtStep


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


def train_epoch(
    trainee: Trainee,
    batches: DataLoader[Batch],
    accelerator: Accelerator,
    *,
    loss_at: LossAtStep,
    on_step: Callable[[Progress], None],
) -> float:
    """Train in place for one pass over the batches.

    Args:
        trainee: Model, optimizer and schedule, as `accelerator.prepare` returned them.
        batches: Images and labels.
        accelerator: Owns devices, precision and ranks.
        loss_at: What is made small, see `atrous.engine.loss.build_loss`.
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
        loss = loss_at(logits, labels, trainee.step)
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
