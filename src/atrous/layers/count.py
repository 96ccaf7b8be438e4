"""How much a network holds and how much it computes."""

import copy

import torch
from torch import nn
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
