"""Time atrous depthwise convolutions on the CPU, torch's and ours, side by side.

    python benchmarks/depthwise.py --precision bf16

Ways take turns round by round. Prints medians of both directions and the largest error of result
and gradients against float64, relative to their largest value, with the hardware.
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from atrous.engine.memory import keep_freed_memory
from atrous.layers.depthwise import AtrousDepthwise

CASES = [  # channels, height, width, rate
    (1536, 23, 30, 2),
    (512, 33, 33, 6),
    (512, 33, 33, 12),
    (512, 33, 33, 18),
    (256, 65, 65, 12),
    (256, 65, 65, 24),
    (256, 65, 65, 36),
]
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--precision", choices=PRECISIONS, default="fp32")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    keep_freed_memory()
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, "
        f"{torch.get_num_threads()} threads; torch {torch.__version__}; {arguments.precision}; "
        f"batch {arguments.batch}; forward + backward in ms, medians of {arguments.rounds}; (error)"
    )
    for channels, height, width, rate in CASES:
        torch.manual_seed(0)
        layer = AtrousDepthwise(channels, kernel_size=3, rate=(rate, rate))
        layer.to(PRECISIONS[arguments.precision])
        x = torch.randn(arguments.batch, channels, height, width)
        row = _measure(layer, x.to(layer.weight.dtype), rounds=arguments.rounds)
        print(f"{channels} x {height}x{width}, rate {rate}: {row}", flush=True)


def _measure(layer: AtrousDepthwise, x: Tensor, *, rounds: int) -> str:
    last = x.contiguous(memory_format=torch.channels_last)
    ways: dict[str, tuple[Callable[[Tensor], Tensor], Tensor]] = {
        "torch, channels first": (lambda part: _plain(layer, part), x),
        "torch, channels last": (lambda part: _plain(layer, part), last),
        "ours, channels last": (layer, last),
    }
    exact = _step(lambda part: _plain(layer.double(), part), layer, x.double())[1]
    layer.to(x.dtype)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    errors: dict[str, float] = {}
    for turn in range(rounds + 1):
        for name, (way, given) in ways.items():
            seconds, found = _step(way, layer, given)
            errors[name] = max(_error(*pair) for pair in zip(found, exact, strict=True))
            if turn:  # the first warms caches and allocators
                times[name].append(seconds)
    parts = []
    for name, pairs in times.items():
        forward, backward = (1e3 * statistics.median(side) for side in zip(*pairs, strict=True))
        parts.append(f"{name} {forward:.1f} + {backward:.1f} ({errors[name]:.0e})")
    return "; ".join(parts)


def _plain(layer: AtrousDepthwise, x: Tensor) -> Tensor:
    rate, channels = layer.dilation[0], layer.groups
    return F.conv2d(x, layer.weight, padding=rate, dilation=rate, groups=channels)


def _step(
    way: Callable[[Tensor], Tensor], layer: AtrousDepthwise, x: Tensor
) -> tuple[tuple[float, float], list[Tensor]]:
    """Seconds forward and backward; the result and both gradients."""
    x = x.detach().requires_grad_()
    start = time.perf_counter()
    result = way(x)
    between = time.perf_counter()
    gradients = torch.autograd.grad(result, (x, layer.weight), torch.ones_like(result))
    end = time.perf_counter()
    return (between - start, end - between), [result.detach(), *gradients]


def _error(found: Tensor, exact: Tensor) -> float:
    return float((found.double() - exact).abs().max() / exact.abs().max())


if __name__ == "__main__":
    main()
