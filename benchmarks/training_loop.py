"""Time a step of the training loop against a bare loop over the same network, in turns.

    python benchmarks/training_loop.py --encoder mobilenetv2 --size 360x480 --batch 4

Both take AdamW steps on the same pictures from memory, so that nothing but the loop differs: parts,
shares of labels, seeds, gradient norm, norm statistics kept, schedule and moving average (which the
bare loop has too).
"""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Iterator

import torch
from accelerate import Accelerator
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from atrous.data.loader import Batch
from atrous.engine.interruption import Interruption
from atrous.engine.memory import keep_freed_memory
from atrous.engine.train import Loop
from atrous.engine.trainee import Trainee, moving_average
from atrous.losses.cross_entropy import cross_entropy
from atrous.models.build import build_model
from atrous.models.config import ModelConfig


def main() -> None:
    """Parse, measure both in turns, and print the ratio of medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", default="mobilenetv2")
    parser.add_argument("--size", default="360x480", help="HEIGHTxWIDTH of a crop")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--steps", type=int, default=12)
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        keep_freed_memory()
    height, width = (int(side) for side in arguments.size.split("x"))
    accelerator = Accelerator()
    batch = Batch(
        torch.randn(arguments.batch, 3, height, width),
        torch.randint(0, 11, (arguments.batch, height, width)),
        torch.arange(arguments.batch),
    )
    ways = {
        "bare": _bare(_trainee(arguments.encoder, accelerator), batch, accelerator),
        "ours": _ours(_trainee(arguments.encoder, accelerator), batch, accelerator),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(arguments.steps):
        for name, steps in ways.items():
            start = time.perf_counter()
            next(steps)
            seconds[name].append(time.perf_counter() - start)
    bare, ours = (statistics.median(times[2:]) for times in seconds.values())
    pairs = zip(seconds["ours"][2:], seconds["bare"][2:], strict=True)
    ratio = statistics.median(one / other for one, other in pairs)
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores")
    print(f"a step of {arguments.batch} x {arguments.size}, {arguments.encoder}: bare {bare:.3f} s")
    print(f"ours {ours:.3f} s; median ratio of neighbouring steps {ratio:.3f}")


def _trainee(encoder: str, accelerator: Accelerator) -> Trainee:
    torch.manual_seed(0)
    model = build_model(ModelConfig(encoder=encoder, num_classes=11))
    model = model.to(accelerator.device, memory_format=torch.channels_last).train()
    optimizer = AdamW(model.parameters(), lr=1e-4)
    schedule = LambdaLR(optimizer, lambda _: 1.0)
    return Trainee(model, model, optimizer, schedule, moving_average(model, 0.99))


def _bare(trainee: Trainee, batch: Batch, accelerator: Accelerator) -> Iterator[float]:
    while True:
        images = batch.images.to(accelerator.device, memory_format=torch.channels_last)
        labels = batch.labels.to(accelerator.device)
        loss = cross_entropy(trainee.model(images), labels, ignore_index=255)
        trainee.optimizer.zero_grad()
        loss.backward()
        trainee.optimizer.step()
        trainee.schedule.step()
        if trainee.average:
            trainee.average.update_parameters(trainee.network)
        yield loss.item()


def _ours(trainee: Trainee, batch: Batch, accelerator: Accelerator) -> Iterator[float]:
    trainee.model, trainee.optimizer = accelerator.prepare(trainee.model, trainee.optimizer)
    loop = Loop(
        trainee,
        accelerator,
        loss=lambda logits, labels, _: cross_entropy(logits, labels, ignore_index=255),
        ignore_index=255,
        interruption=Interruption(lambda: None),
    )
    for progress in loop.steps(_endless(batch)):  # type: ignore[arg-type]
        yield progress.loss


def _endless(batch: Batch) -> Iterator[Batch]:
    while True:
        yield batch


if __name__ == "__main__":
    main()
