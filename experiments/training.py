"""Train and measure one network on drawn pictures, with the training loop of atrous."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import numpy as np
import torch
from accelerate import Accelerator
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from atrous.data.loader import Batch, Key, StepSampler
from atrous.data.sampling import generator_for
from atrous.engine.config import TrainConfig
from atrous.engine.interruption import Interruption
from atrous.engine.loss import LossAtStep
from atrous.engine.norms import set_norm_momentum
from atrous.engine.optimizer import build_optimizer
from atrous.engine.schedule import build_schedule
from atrous.engine.train import Loop
from atrous.engine.trainee import Trainee

Draw: TypeAlias = Callable[[Generator], tuple[Tensor, Tensor]]
"""From random numbers to a picture and its answer."""

TEST_EPOCH = 1
"""Test pictures are drawn from another epoch than training pictures, with the seed 0 for all."""
NO_ANSWER = 255
"""Label of pixels without one; no drawing has any."""


class Drawn(Dataset[Batch]):
    """As many drawings as are asked for, each from a generator of its own.

    Args:
        draw: Draws one.
        seed: What they depend on, beside epoch and index.
    """

    def __init__(self, draw: Draw, *, seed: int) -> None:
        self.draw = draw
        self.seed = seed

    def __getitem__(self, key: Key) -> Batch:
        epoch, index = key
        return Batch(*self.draw(generator_for(self.seed, epoch, index)), torch.tensor(index))


def train(
    network: nn.Module, draw: Draw, loss: LossAtStep, *, config: TrainConfig
) -> Iterator[int]:
    """Take the steps of a config, each on pictures that were never shown before.

    Yields:
        Steps that are over, after each one.
    """
    steps = config.total_steps(0)
    set_norm_momentum(network, config.norm_momentum, total_steps=steps)
    optimizer = build_optimizer(network, config)
    schedule = build_schedule(optimizer, config, total_steps=steps)
    trainee = Trainee(network, network, optimizer, schedule, average=None)
    accelerator = Accelerator(cpu=True)
    trainee.model, trainee.optimizer = accelerator.prepare(network, optimizer)
    loop = Loop(
        trainee,
        accelerator,
        loss=loss,
        ignore_index=NO_ANSWER,
        clip_norm=config.clip_norm,
        seed=config.seed,
        interruption=Interruption(lambda: None),
    )
    sampler = StepSampler(steps * config.batch_size, seed=config.seed, batch_size=config.batch_size)
    batches = DataLoader(Drawn(draw, seed=config.seed), batch_sampler=sampler)
    for progress in loop.steps(batches):
        yield progress.step


def fixed_batches(draw: Draw, *, pictures: int, batch_size: int = 32) -> list[Batch]:
    """The pictures that every network is measured on, whatever its seed."""
    keys = [(TEST_EPOCH, index) for index in range(pictures)]
    batches = [keys[start : start + batch_size] for start in range(0, pictures, batch_size)]
    return list(DataLoader(Drawn(draw, seed=0), batch_sampler=batches))


@torch.inference_mode()
def predict(network: nn.Module, batches: list[Batch]) -> NDArray[np.uint8]:
    """The most likely class of every picture, (N,), or of every pixel, (N, H, W)."""
    was_training = network.training
    network.eval()
    found = [network(batch.images).argmax(1).to(torch.uint8).numpy() for batch in batches]
    network.train(was_training)
    return np.concatenate(found)


def answers(batches: list[Batch]) -> NDArray[np.uint8]:
    """What `predict` should find."""
    return np.concatenate([batch.labels.numpy().astype(np.uint8) for batch in batches])
