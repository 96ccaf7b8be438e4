"""Our own steps from where the official training code took its steps."""

import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from atrous.engine.config import LossConfig, TrainConfig
from atrous.engine.loss import build_loss
from atrous.engine.norms import apply_norm_policy
from atrous.engine.optimizer import build_optimizer
from atrous.engine.schedule import learning_rate_factor
from atrous.models.at_scales import AtScales
from atrous.models.segmenter import Segmenter
from parity.made_up import IGNORED, blocks
from parity.official import build_official, official_names, pictures, to_tensorflow
from parity.store import STORED

BATCH, CROP, CLASSES = 4, 65, 21


@dataclass(frozen=True)
class Steps:
    """What some steps came to: one entry for each of them, by TensorFlow's names."""

    cross_entropy: list[float] = field(default_factory=list)
    penalty: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    speed: list[dict[str, Tensor]] = field(default_factory=list)
    """TensorFlow's momentum: multipliers and penalty are part of it, the learning rate is not."""
    values: dict[str, Tensor] = field(default_factory=dict)
    """Weights and statistics of norms behind the last step."""


class Official:
    """A run that `tools/official_training.py` stored."""

    def __init__(self, run: str) -> None:
        stored = np.load(STORED / f"train_{run}.npz")
        self.arrays = {name: stored[name] for name in stored.files}
        self.meta: dict[str, Any] = json.loads(str(self.arrays["meta"]))
        self.names: list[str] = json.loads(str(self.arrays["names"]))
        self.trained = [name for name in self.names if "/moving_" not in name]
        self.flags = self.meta["common"] | self.meta["flags"]


def some(values: Tensor, count: int) -> Tensor:
    """Values at even distances through a tensor, from its first to its last."""
    places = np.linspace(0, values.numel() - 1, count).astype(int)
    return values.flatten()[torch.from_numpy(places)].double()


@cache
def replay(run: str, dtype: torch.dtype = torch.float32) -> Steps:
    """Take the steps of an official run with our code."""
    official = Official(run)
    model = _network(official).to(dtype).train()
    config = train_config(official.flags)
    optimizer = build_optimizer(model, config)
    total_steps = official.flags["training_number_of_steps"]
    schedule = LambdaLR(optimizer, learning_rate_factor(config, total_steps=total_steps))
    place = dict(official_names(official.meta["variant"], model.state_dict()))
    names = {id(parameter): place[ours] for ours, parameter in model.named_parameters()}
    steps = Steps()
    for step in range(official.meta["steps"]):
        steps.penalty.append(_penalty(optimizer))
        # The first group is of the head.
        head_rate = optimizer.param_groups[0]["lr"]
        steps.learning_rate.append(head_rate / config.last_layer_factor)
        optimizer.zero_grad()
        loss = _loss(model, official.flags, step, dtype)
        loss.backward()
        optimizer.step()
        steps.cross_entropy.append(loss.item())
        steps.speed.append(_speed(optimizer, names, config.learning_rate))
        schedule.step()
    state = model.state_dict()
    steps.values.update({place[ours]: to_tensorflow(place[ours], state[ours]) for ours in place})
    return steps


def train_config(flags: dict[str, Any]) -> TrainConfig:
    """Our settings for the flags of an official run."""
    return TrainConfig(
        steps=flags["training_number_of_steps"],
        learning_rate=flags["base_learning_rate"],
        weight_decay=flags["weight_decay"],
        last_layer_factor=flags.get("last_layer_gradient_multiplier", 1.0),
        bias_factor=2.0,
    )


def _network(official: Official) -> Segmenter:
    model = build_official(official.meta["variant"], output_stride=16)
    # A copy, as a step would change the weights that later tests use.
    model.load_state_dict({k: v.clone() for k, v in model.state_dict().items()}, assign=True)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    learn = official.flags.get("fine_tune_batch_norm", True)
    apply_norm_policy(model, "train" if learn else "frozen_statistics")
    return model


def _loss(model: Segmenter, flags: dict[str, Any], step: int, dtype: torch.dtype) -> Tensor:
    config = LossConfig(
        hard_fraction=flags.get("top_k_percent_pixels", 1.0),
        hard_steps=flags.get("hard_example_mining_step", 0),
    )
    weights = flags.get("label_weights")
    loss = build_loss(
        config,
        num_classes=CLASSES,
        ignore_index=IGNORED,
        class_weights=None if weights is None else torch.tensor(weights, dtype=dtype),
        align_corners=True,
    )
    labels = torch.from_numpy(blocks(BATCH, CROP, CROP, num_classes=CLASSES)).long()
    images = pictures(BATCH, CROP, CROP).to(dtype)
    pyramid = flags.get("image_pyramid")
    if not pyramid:
        return loss(model(images), labels, step)
    return loss(AtScales(model, pyramid)(images), labels, step)


def _penalty(optimizer: Optimizer) -> float:
    return sum(
        group["weight_decay"] * parameter.detach().double().square().sum().item() / 2
        for group in optimizer.param_groups
        for parameter in group["params"]
    )


def _speed(optimizer: Optimizer, names: dict[int, str], rate: float) -> dict[str, Tensor]:
    """Momenta with the multiplier that TensorFlow has in them and we have in the learning rate."""
    return {
        names[id(parameter)]: to_tensorflow(
            names[id(parameter)],
            optimizer.state[parameter]["momentum_buffer"] * (group["initial_lr"] / rate),
        )
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
