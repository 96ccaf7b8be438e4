"""What is trained, and everything that its next step depends on."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler
from torch.optim.swa_utils import AveragedModel

from atrous.errors import WeightsError


@dataclass
class Trainee:
    """A network, what moves it, and how far it has come.

    The random numbers of a step depend on the seed and the step alone (`atrous.engine.train`), so
    no state of a generator belongs to it.
    """

    network: nn.Module
    """The network itself, whose state is saved."""
    model: nn.Module
    """What is called in a step: the network, or a wrapper that shares its gradients."""
    optimizer: Optimizer
    schedule: LRScheduler
    average: AveragedModel | None
    """Moving average of the weights; None if there is none."""
    epoch: int = 0
    """Epochs that are finished and measured."""
    epoch_steps: int = 0
    """Steps of this epoch that are over."""
    step: int = 0
    """Steps that are over in the whole run, skipped ones included."""
    loss_sum: float = 0.0
    """Of the steps of this epoch whose loss was finite."""
    losses: int = 0
    """How many those are."""
    bad_steps: int = 0
    """Steps that were skipped because loss or gradients were not finite."""
    device_batch: int | None = None
    """Most samples that go through the network at once; None for no limit."""
    whole: nn.Module | None = None
    """A whole copy of a network whose weights are split over processes; None of any other."""

    @property
    def to_keep(self) -> nn.Module:
        """The network that is evaluated and shipped: the average where there is one.

        Of split weights it is as `gather` last left it.
        """
        if self.average:
            return self.average.module
        return self.network if self.whole is None else self.whole

    @torch.no_grad()
    def gather(self) -> nn.Module:
        """The network with all its weights; of split ones all processes call this together."""
        if self.whole is None:
            return self.network
        for weight, part in zip(self.whole.parameters(), self.network.parameters(), strict=True):
            weight.copy_(joined(part))
        for kept, buffer in zip(self.whole.buffers(), self.network.buffers(), strict=True):
            kept.copy_(buffer)
        return self.whole

    @property
    def mean_loss(self) -> float:
        """Over the steps of this epoch; nan without any."""
        return self.loss_sum / self.losses if self.losses else float("nan")

    def finish_epoch(self) -> None:
        """Count an epoch whose steps are over and whose measurements are taken."""
        self.epoch += 1
        self.epoch_steps, self.loss_sum, self.losses = 0, 0.0, 0


_POSITION = ("epoch", "epoch_steps", "step", "loss_sum", "losses", "bad_steps", "device_batch")


def state_of(trainee: Trainee, *, scaler: Any = None) -> dict[str, Any]:
    """Everything that the next step depends on, whole.

    Args:
        trainee: Between two steps. Where weights are split, all processes call this together.
        scaler: The scaler of fp16 gradients; None without one.
    """
    return {
        "model": trainee.gather().state_dict(),
        "optimizer": _all_joined(trainee.optimizer.state_dict()),
        "schedule": trainee.schedule.state_dict(),
        "average": trainee.average.state_dict() if trainee.average else None,
        "scaler": scaler.state_dict() if scaler else None,
        "position": {name: getattr(trainee, name) for name in _POSITION},
    }


def joined(value: Any) -> Any:
    """A tensor whole, if it is split over processes; all else as it is."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def _all_joined(optimizer: dict[str, Any]) -> dict[str, Any]:
    state = {
        weight: {name: joined(value) for name, value in values.items()}
        for weight, values in optimizer["state"].items()
    }
    return {**optimizer, "state": state}


def restore(trainee: Trainee, state: dict[str, Any], *, changed: bool = False) -> None:
    """Put a trainee where `state_of` found it; the scaler is restored by its owner.

    Args:
        trainee: Built under the same settings, or under others.
        state: From `state_of`.
        changed: Whether the settings are others, which the optimizer then follows.

    Raises:
        WeightsError: If the state does not fit the trainee.
    """
    fresh = [
        {key: value for key, value in group.items() if key != "params"}
        for group in trainee.optimizer.param_groups
    ]
    bases = [float(base) for base in trainee.schedule.base_lrs]
    try:
        trainee.network.load_state_dict(state["model"])
        trainee.optimizer.load_state_dict(state["optimizer"])
        trainee.schedule.load_state_dict(state["schedule"])
        if trainee.average:
            # A run that has had no average starts one from its weights.
            trainee.average.load_state_dict(state["average"] or _as_average(trainee))
        position = {name: state["position"][name] for name in _POSITION}
    except (RuntimeError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"the checkpoint does not fit the network and optimizer of this recipe: {error}"
        ) from None
    for name, value in position.items():
        setattr(trainee, name, value)
    if changed:
        _follow(trainee, fresh, bases)


def _as_average(trainee: Trainee) -> dict[str, Tensor]:
    weights = {f"module.{name}": value for name, value in trainee.network.state_dict().items()}
    return {**weights, "n_averaged": torch.tensor(0)}


def _follow(trainee: Trainee, groups: list[dict[str, Any]], bases: list[float]) -> None:
    """Give the optimizer the numbers of the new settings, at the step that it has reached."""
    for group, fresh in zip(trainee.optimizer.param_groups, groups, strict=True):
        group.update(fresh)
    schedule = trainee.schedule
    schedule.base_lrs = [*bases]
    if isinstance(schedule, LambdaLR):
        factors = [factor(schedule.last_epoch) for factor in schedule.lr_lambdas]
        for group, base, factor in zip(trainee.optimizer.param_groups, bases, factors, strict=True):
            group["lr"] = base * factor


class Buffers:
    """Copies of a network's buffers, its norm statistics, from between two steps.

    A forward pass moves them, so a step that is not taken has to put them back.
    """

    def __init__(self, network: nn.Module) -> None:
        self._names = [name for name, _ in network.named_buffers()]
        self._live = list(network.buffers())
        self._copies = [buffer.clone() for buffer in self._live]

    def keep(self) -> None:
        """Take copies."""
        if self._live:
            torch._foreach_copy_(self._copies, self._live)

    def put_back(self) -> None:
        """Give the network the values that were kept."""
        if self._live:
            torch._foreach_copy_(self._live, self._copies)

    def kept(self) -> dict[str, Tensor]:
        """The values by name."""
        return dict(zip(self._names, self._copies, strict=True))
