"""How the learning rate goes over a run."""

import math
from collections.abc import Callable, Mapping
from functools import partial

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from atrous.engine.config import TrainConfig
from atrous.errors import ConfigError

_RELEASED_DECAY_STEPS = 2000


def poly(step: float, *, total_steps: int, power: float = 0.9) -> float:
    """Factor on the learning rate, down along a power to 0 (DeepLab, arXiv:1606.00915, 4.1).

    Examples:
        >>> poly(0, total_steps=100)
        1.0
        >>> poly(100, total_steps=100)
        0.0
    """
    return float((max(total_steps - step, 0) / max(total_steps, 1)) ** power)


def cosine(step: float, *, total_steps: int) -> float:
    """Factor on the learning rate, down half a cosine to 0 (arXiv:1608.03983, equation 5).

    Examples:
        >>> [round(cosine(step, total_steps=4), 3) for step in range(5)]
        [1.0, 0.854, 0.5, 0.146, 0.0]
    """
    return (1 + math.cos(math.pi * min(step / max(total_steps, 1), 1.0))) / 2


def exponential(step: float, *, factor: float, every: float, stairs: bool) -> float:
    """Factor on the learning rate, multiplied by ``factor`` each ``every`` steps.

    Args:
        step: Optimizer steps so far.
        factor: For instance 0.94 each 2 epochs in the paper of Xception (section 4.3).
        every: In steps.
        stairs: Whether it falls at once, rather than a little in each step.

    Examples:
        >>> exponential(5, factor=0.5, every=2, stairs=True)
        0.25
    """
    times = step / every
    return float(factor ** (math.floor(times) if stairs else times))


def warm_up(step: int, *, steps: int) -> float:
    """Factor on the learning rate, up from 0 to reach 1 behind ``steps`` steps.

    Examples:
        >>> [warm_up(step, steps=3) for step in range(4)]
        [0.25, 0.5, 0.75, 1.0]
    """
    return min((step + 1) / (steps + 1), 1.0)


def learning_rate_factor(config: TrainConfig, *, total_steps: int) -> Callable[[int], float]:
    """From optimizer steps so far to the factor on the learning rate that a config describes.

    The schedule begins behind the warm-up or slow start, and is over at the end of the run.

    Raises:
        ConfigError: If the schedule is in epochs and the length of the run is not.
    """
    begin = config.warmup_steps or config.slow_start_steps
    every = _decay_steps(config, total_steps=total_steps)
    left = max(total_steps - begin, 1)
    schedules: Mapping[str, Callable[[int], float]] = {
        "poly": partial(poly, total_steps=left, power=config.poly_power),
        "cosine": partial(cosine, total_steps=left),
        "step": partial(exponential, factor=config.decay_factor, every=every, stairs=True),
        "exponential": partial(exponential, factor=config.decay_factor, every=every, stairs=False),
        "constant": lambda _: 1.0,
    }
    falls = schedules[config.schedule]
    slow = config.slow_start_learning_rate / config.learning_rate

    def factor(step: int) -> float:
        if step >= begin:
            return falls(step - begin)
        return warm_up(step, steps=begin) if config.warmup_steps else slow

    return factor


def _decay_steps(config: TrainConfig, *, total_steps: int) -> float:
    if config.decay_epochs is None:
        return config.decay_steps or _RELEASED_DECAY_STEPS
    if not config.epochs:
        raise ConfigError(
            "train.decay_epochs needs train.epochs to tell how long an epoch is; give decay_steps"
        )
    return config.decay_epochs * total_steps / config.epochs


def build_schedule(optimizer: Optimizer, config: TrainConfig, *, total_steps: int) -> LambdaLR:
    """The schedule of a config over ``total_steps`` optimizer steps.

    Raises:
        ConfigError: If the schedule is in epochs and the length of the run is not.
    """
    return LambdaLR(optimizer, learning_rate_factor(config, total_steps=total_steps))
