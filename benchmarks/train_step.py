"""Time a training step on the CPU with freed memory kept and given back, side by side.

    python benchmarks/train_step.py --encoder mobilenetv2 --size 360x480 --batch 8

Each is measured in processes of its own, in turns, since an allocator cannot be set back.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time

import torch

from atrous.engine.memory import keep_freed_memory
from atrous.losses.cross_entropy import cross_entropy
from atrous.models.build import build_model
from atrous.models.config import ModelConfig


def main() -> None:
    """Parse, and either measure here or compare processes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", default="mobilenetv2")
    parser.add_argument("--size", default="360x480", help="HEIGHTxWIDTH of a crop")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--measure", choices=("kept", "given back"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        if arguments.measure == "kept":
            keep_freed_memory()
        print(_step_seconds(arguments.encoder, arguments.size, arguments.batch))
        return
    times: dict[str, list[float]] = {"given back": [], "kept": []}
    for _ in range(arguments.rounds):
        for name, seconds in times.items():
            command = [sys.executable, *sys.argv, "--measure", name]
            seconds.append(float(subprocess.check_output(command, text=True)))  # noqa: S603
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores; {arguments.encoder}"
    )
    given_back, kept = (statistics.median(seconds) for seconds in times.values())
    print(
        f"a step of {arguments.batch} x {arguments.size}, medians of {arguments.rounds} processes:"
    )
    print(f"given back {given_back:.2f} s, kept {kept:.2f} s, ratio {given_back / kept:.2f}")


def _step_seconds(encoder: str, size: str, batch: int) -> float:
    height, width = (int(side) for side in size.split("x"))
    model = build_model(ModelConfig(encoder=encoder, num_classes=11))
    model = model.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    images = torch.randn(batch, 3, height, width).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(0, 11, (batch, height, width))
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        loss = cross_entropy(model(images), labels, ignore_index=255)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[1:])


if __name__ == "__main__":
    main()
