"""Pictures a second in training: ours and segmentation_models_pytorch's, side by side.

    python benchmarks/train.py --encoder mobilenetv2 --size 512x512 --batch 2

Both train DeepLab V3+ with the same encoder, output stride and number of classes on the same random
pictures, in the same loop: forward, cross entropy, backward, a step of SGD. ``ours`` runs as
``atrous train`` does (channels last; on a CPU freed memory kept); ``peer`` runs as its
documentation shows, ``peer, tuned`` with the same two settings as ours. On a GPU all run in
bfloat16. Each is measured in processes of its own, in turns, since an allocator cannot be set back.
Needs segmentation_models_pytorch, which atrous does not install. Prints medians, ratios to the
peer, multiply-adds of both networks, and the hardware.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time

import torch
from torch import Tensor, nn

from atrous.engine.memory import keep_freed_memory
from atrous.layers.count import count_multiply_adds
from atrous.losses.cross_entropy import cross_entropy
from atrous.models.build import build_model
from atrous.models.config import ModelConfig

PEER_ENCODERS = {
    "mobilenetv2": "mobilenet_v2",
    "resnet50_v1_5": "resnet50",
    "resnet101_v1_5": "resnet101",
    "xception65": "tu-xception65",
    "xception71": "tu-xception71",
}
WAYS = ("peer", "peer, tuned", "ours")


def main() -> None:
    """Parse, and either measure here or compare processes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", choices=PEER_ENCODERS, default="mobilenetv2")
    parser.add_argument("--size", default="512x512", help="HEIGHTxWIDTH of a crop")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--classes", type=int, default=21)
    parser.add_argument("--rounds", type=int, default=3, help="processes of each way")
    parser.add_argument("--steps", type=int, default=6, help="timed steps of a process")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--measure", choices=WAYS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(_step_seconds(arguments))
        return
    times: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(arguments.rounds):
        for name, seconds in times.items():
            command = [sys.executable, *sys.argv, "--measure", name]
            answer = subprocess.check_output(command, text=True)  # noqa: S603
            seconds.append(float(answer.splitlines()[-1]))
    _print(arguments, times)


def _print(arguments: argparse.Namespace, times: dict[str, list[float]]) -> None:
    on_gpu = arguments.device == "cuda"
    device = torch.cuda.get_device_name() if on_gpu else _cpu_name()
    print(
        f"{device}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, "
        f"torch {torch.__version__}, {'bf16' if on_gpu else 'fp32'}; DeepLab V3+ "
        f"{arguments.encoder}, output stride 16, {arguments.classes} classes, "
        f"{arguments.batch} x {arguments.size}; medians of {arguments.rounds} processes"
    )
    peer = statistics.median(times["peer"])
    adds = {"ours": _multiply_adds(arguments, "ours"), "peer": _multiply_adds(arguments, "peer")}
    for name, row in times.items():
        median = statistics.median(row)
        print(
            f"{name}: {median:.3f} s a step, {arguments.batch / median:.2f} pictures/s, "
            f"{peer / median:.2f} x the peer, {adds[name.split(',')[0]] / 1e9:.2f} G multiply-adds"
        )


def _cpu_name() -> str:
    return platform.processor() or platform.machine()


def _build(arguments: argparse.Namespace, way: str) -> nn.Module:
    if way == "ours":
        return build_model(
            ModelConfig(encoder=arguments.encoder, num_classes=arguments.classes, output_stride=16)
        )
    import segmentation_models_pytorch as smp  # noqa: PLC0415 - only its own processes need it

    model: nn.Module = smp.DeepLabV3Plus(
        PEER_ENCODERS[arguments.encoder],
        encoder_weights=None,
        encoder_output_stride=16,
        classes=arguments.classes,
    )
    return model


def _multiply_adds(arguments: argparse.Namespace, way: str) -> int:
    """Of one picture."""
    height, width = _size(arguments)
    return count_multiply_adds(_build(arguments, way), 1, 3, height, width)


def _size(arguments: argparse.Namespace) -> tuple[int, int]:
    height, width = (int(side) for side in arguments.size.split("x"))
    return height, width


def _step_seconds(arguments: argparse.Namespace) -> float:
    way, device = arguments.measure, torch.device(arguments.device)
    as_ours = way != "peer"
    if as_ours and device.type == "cpu":
        keep_freed_memory()
    layout = torch.channels_last if as_ours else torch.contiguous_format
    torch.manual_seed(0)
    model = _build(arguments, way).to(device, memory_format=layout).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    shape = arguments.batch, *_size(arguments)
    images = torch.randn(shape[0], 3, *shape[1:], device=device).contiguous(memory_format=layout)
    labels = torch.randint(0, arguments.classes, shape, device=device)
    seconds = []
    for _ in range(arguments.steps + 2):  # the first two warm caches and allocators
        start = time.perf_counter()
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            logits = model(images)
        loss = _loss(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[2:])


def _loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Ours resizes logits to the labels; the peer's have their size already."""
    return cross_entropy(logits, labels, ignore_index=255)


if __name__ == "__main__":
    main()
