"""How much a network holds and how much it computes."""

import copy
from collections.abc import Callable
from math import ceil, prod

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


def count_parameters(module: nn.Module) -> int:
    """Trained values; the running statistics of norms are not among them."""
    return sum(parameter.numel() for parameter in module.parameters())


def count_multiply_adds(module: nn.Module, *shape: int) -> int:
    """Multiply-adds of the convolutions for one input, as the papers count them.

    The released profiler adds norms, sums and resizing, which are about 0.2 % more. Nothing is
    computed and no memory is taken for it: the count is made on torch's meta device.

    Args:
        module: A network or a part of one; left as it is.
        shape: Of the input, such as 1, 3, 513, 513.

    Examples:
        >>> count_multiply_adds(nn.Conv2d(8, 16, 3, padding=1, bias=False), 1, 8, 10, 10)
        115200
    """
    twin = copy.deepcopy(module).to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.inference_mode(mode=False):
        twin(torch.empty(shape, device="meta"))
    return int(counter.get_total_flops()) // 2


def multiply_adds_by_layer(
    network: nn.Module, *shape: int, fill_up: bool = False
) -> dict[str, int]:
    """Multiply-adds of each convolution for one input, in the order in which they run.

    Args:
        network: On torch's meta device, where nothing is computed.
        shape: Of the input, such as 1, 3, 513, 513.
        fill_up: Count atrous convolutions as TensorFlow runs them: it cuts a map into rate x rate
            interleaved ones and fills it up until its sides are multiples of the rate. The
            numbers of the DeepLab papers are counted so.

    Examples:
        >>> conv = nn.Conv2d(8, 16, 3, padding=4, dilation=4, device="meta")
        >>> multiply_adds_by_layer(nn.Sequential(conv), 1, 8, 10, 10)
        {'0': 115200}
        >>> multiply_adds_by_layer(nn.Sequential(conv), 1, 8, 10, 10, fill_up=True)
        {'0': 165888}
    """
    counts: dict[str, int] = {}
    hooks = [
        module.register_forward_hook(_counting(counts, name, fill_up))
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d)
    ]
    try:
        with torch.no_grad():
            network(torch.empty(shape, device="meta"))
    finally:
        for hook in hooks:
            hook.remove()
    return counts


def _counting(
    counts: dict[str, int], name: str, fill_up: bool
) -> Callable[[nn.Conv2d, object, Tensor], None]:
    def count(conv: nn.Conv2d, _inputs: object, result: Tensor) -> None:
        rates = conv.dilation if fill_up else (1, 1)
        sides = (
            rate * ceil(side / rate) for side, rate in zip(result.shape[-2:], rates, strict=True)
        )
        count = result.shape[0] * prod(sides) * conv.weight.numel()
        counts[name] = counts.get(name, 0) + count

    return count
