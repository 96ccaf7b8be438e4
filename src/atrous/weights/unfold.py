"""Give folded batch norms their statistics back, so that a network can be trained on."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn


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
    sums: dict[str, Tensor] = {}

    def measure(name: str) -> nn.Module:
        def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            x = inputs[0].double()
            count = torch.full((1, x.shape[1]), x.numel() / x.shape[1], dtype=torch.float64)
            parts = torch.cat([count, x.sum((0, 2, 3))[None], x.square().sum((0, 2, 3))[None]])
            sums[name] = sums.get(name, 0) + parts

        return modules[name].register_forward_pre_hook(hook)  # type: ignore[return-value]

    handles = [measure(name) for name in names]
    for images in batches:
        model(images)
    for handle in handles:
        handle.remove()  # type: ignore[operator]
    for name, (count, total, squares) in sums.items():
        norm = modules[name]
        assert isinstance(norm, nn.BatchNorm2d)  # noqa: S101
        mean = total / count
        variance = (squares / count - mean.square()).clamp(min=1e-8)
        spread = (variance + norm.eps).sqrt()
        norm.running_mean.copy_(mean)  # type: ignore[union-attr]
        norm.running_var.copy_(variance)  # type: ignore[union-attr]
        norm.bias.copy_(norm.bias.double() + mean)
        norm.weight.copy_(spread)
