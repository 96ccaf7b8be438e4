"""RMSprop as TensorFlow has it."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


class RMSprop(Optimizer):
    """RMSprop of TensorFlow 1, which the published recipes of ImageNet were found with.

    `torch.optim.RMSprop` differs in three ways that matter there: epsilon, which is 1 in those
    recipes, is added to the root and not under it; the mean square begins at 0 and not at 1; and
    the momentum is of steps before the learning rate, not behind it, so that a falling learning
    rate brakes at once.

        mean_square = decay * mean_square + (1 - decay) * gradient ** 2
        velocity = momentum * velocity + learning_rate * gradient / sqrt(mean_square + epsilon)
        weight = weight - velocity

    Args:
        parameters: Tensors, or groups of them with ``lr`` and ``weight_decay`` of their own.
        lr: Learning rate.
        decay: Of the mean square.
        momentum: Share of the last step that is taken again.
        epsilon: Added under the root.
        weight_decay: Factor of the weight that is added to its gradient.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[dict[str, Any]],
        *,
        lr: float,
        decay: float = 0.9,
        momentum: float = 0.9,
        epsilon: float = 1.0,
        weight_decay: float = 0.0,
    ) -> None:
        defaults = {
            "lr": lr,
            "decay": decay,
            "momentum": momentum,
            "epsilon": epsilon,
            "weight_decay": weight_decay,
        }
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move every weight that has a gradient; returns the value of ``closure``, if given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, weight.grad, group)
        return loss

    def _move(self, weight: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[weight]
        if not state:
            state["mean_square"] = torch.ones_like(weight)
            state["velocity"] = torch.zeros_like(weight)
        if group["weight_decay"]:
            gradient = gradient.add(weight, alpha=group["weight_decay"])
        mean_square, velocity = state["mean_square"], state["velocity"]
        mean_square.mul_(group["decay"]).addcmul_(gradient, gradient, value=1 - group["decay"])
        root = mean_square.add(group["epsilon"]).sqrt_()
        velocity.mul_(group["momentum"]).addcdiv_(gradient, root, value=group["lr"])
        weight.sub_(velocity)
