"""Parameter groups, optimizer and schedule."""

from torch import nn
from torch.optim import SGD, AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from atrous.engine.config import TrainConfig


def build_optimizer(model: nn.Module, config: TrainConfig) -> Optimizer:
    """An optimizer whose groups tell encoder from head, and what decays from what does not.

    As in the released code the weights of dense convolutions decay; norms, biases and depthwise
    kernels do not. The first group is of the head, as every network has biases there.
    """
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for module_name, module in model.named_modules():
        decays = isinstance(module, nn.Conv2d) and module.groups == 1
        for name, parameter in module.named_parameters(recurse=False):
            key = module_name.startswith("encoder."), decays and name == "weight"
            groups.setdefault(key, []).append(parameter)
    parameters = [
        {
            "params": members,
            "lr": config.learning_rate * (config.encoder_factor if in_encoder else 1.0),
            "weight_decay": config.weight_decay if decays else 0.0,
        }
        for (in_encoder, decays), members in sorted(groups.items())
    ]
    if config.optimizer == "adamw":
        return AdamW(parameters, lr=config.learning_rate)
    return SGD(parameters, lr=config.learning_rate, momentum=0.9)


def poly(step: int, *, total_steps: int, power: float = 0.9, warmup_steps: int = 0) -> float:
    """Factor on the learning rate: up from 0 over the warm-up, then down along a power to 0.

    Examples:
        >>> poly(0, total_steps=100)
        1.0
        >>> poly(100, total_steps=100)
        0.0
    """
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    left = max(total_steps - step, 0) / max(total_steps - warmup_steps, 1)
    return float(left**power)


def build_schedule(optimizer: Optimizer, config: TrainConfig, *, total_steps: int) -> LambdaLR:
    """The poly schedule over ``total_steps`` optimizer steps."""
    return LambdaLR(
        optimizer,
        lambda step: poly(
            step,
            total_steps=total_steps,
            power=config.poly_power,
            warmup_steps=config.warmup_steps,
        ),
    )
