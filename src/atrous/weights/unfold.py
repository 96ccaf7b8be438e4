"""Batch norms that were folded into convolutions, and how they get their statistics back."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

FOLDED_AWAY = ("norm.weight", "norm.running_mean", "norm.running_var", "num_batches_tracked")
"""Tensors of a norm that are not left when it was folded into its convolution."""


def fold_norms(model: nn.Module, state: dict[str, Tensor]) -> list[str]:
    """Let every norm of which ``state`` has the bias, and nothing else, only add that bias.

    Args:
        model: The network that ``state`` is for.
        state: Values by name; gets scale, mean and variance of those norms.

    Returns:
        Names of those norms.
    """
    folded = [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.BatchNorm2d)
        and f"{name}.bias" in state
        and f"{name}.weight" not in state
    ]
    for name, norm in folded:
        ones = torch.ones(norm.num_features)
        state[f"{name}.weight"] = ones
        state[f"{name}.running_mean"] = 0 * ones
        state[f"{name}.running_var"] = (1 - norm.eps) * ones
    return [name for name, _ in folded]


@torch.no_grad()
def unfold_norms(model: nn.Module, names: Sequence[str], batches: Iterable[Tensor]) -> None:
    """Measure the statistics of norms that were folded away, without changing the network.

    A folded norm adds a bias and nothing else. Its input's mean and variance are measured on
    pictures and become the running statistics, and its scale and shift are set so that the
    outputs stay what they were.

    Args:
        model: The network; left in evaluation mode.
        names: Norms that only add their bias, as `atrous.weights.start.load_start` returns them.
        batches: Normalized images (B, C, H, W), a few dozen in all.
    """
    model.eval()
    modules = dict(model.named_modules())
    inputs = {name: _Moments() for name in names}
    handles = [
        modules[name].register_forward_pre_hook(moments.add) for name, moments in inputs.items()
    ]
    try:
        for images in batches:
            model(images)
    finally:
        for handle in handles:
            handle.remove()
    for name, moments in inputs.items():
        norm = modules[name]
        if not isinstance(norm, nn.BatchNorm2d):
            raise TypeError(f"{name} is a {type(norm).__name__}, not a batch norm")
        if moments.count:
            _set_statistics(norm, moments)


class _Moments:
    """Count, sum and sum of squares of every channel that passes a hook."""

    def __init__(self) -> None:
        self.count = 0
        self.total: Tensor | float = 0.0
        self.squares: Tensor | float = 0.0

    def add(self, _module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        x = inputs[0].double()
        self.count += x.numel() // x.shape[1]
        self.total = self.total + x.sum((0, 2, 3))
        self.squares = self.squares + x.square().sum((0, 2, 3))


def _set_statistics(norm: nn.BatchNorm2d, moments: _Moments) -> None:
    assert norm.running_mean is not None  # noqa: S101 - the norms of our networks have statistics
    assert norm.running_var is not None  # noqa: S101
    mean = torch.as_tensor(moments.total / moments.count)
    variance = (moments.squares / moments.count - mean.square()).clamp(min=1e-8)
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(variance)
    norm.bias.copy_(norm.bias.double() + mean)
    norm.weight.copy_((variance + norm.eps).sqrt())
