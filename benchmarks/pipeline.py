"""What `atrous predict` costs beside its network, and what it costs from a cold start.

    python benchmarks/pipeline.py --encoder mobilenetv2 --encoder xception65 --rounds 5

For each encoder a network of 21 classes with random weights is exported, and a folder of JPEGs is
segmented by the command; the time of a picture is that of many less that of one, so that loading
does not count. The network's own time is taken in turn with it, in the same process. Then
processes are started cold, in turn: `atrous predict` on one JPEG, and a script that does the same
with the same weights in torch, as such scripts are written. Prints medians, ratios, the hardware.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from hardware import describe_hardware
from PIL import Image

import atrous
from atrous.cli.main import main as run_command
from atrous.export.onnx import export_onnx
from atrous.models.build import build_model
from atrous.models.config import ModelConfig
from atrous.runtime.card import ModelCard
from atrous.runtime.predictor import prepare
from atrous.weights.model_file import save_model

CLASSES = 21
SCRIPT = """
import sys
from pathlib import Path
import torch
from PIL import Image
from torchvision.transforms import functional
import atrous

network, card = atrous.load_model(Path(sys.argv[1]))
picture = Image.open(sys.argv[2]).convert("RGB")
images = functional.normalize(functional.to_tensor(picture), [0.5] * 3, [0.5] * 3)[None]
with torch.no_grad():
    labels = network(images).argmax(1)[0]
Image.fromarray(labels.byte().numpy()).save(sys.argv[3])
"""
"""The usual way: eager torch, the logits at full size, Pillow for the file."""

STARTER = """
import os, sys, time

start = time.perf_counter()
null = os.open(os.devnull, os.O_WRONLY)
process = os.posix_spawn(
    sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, null, 1)]
)
_, status, usage = os.wait4(process, 0)
wall = time.perf_counter() - start
unit = 1 if sys.platform == "darwin" else 1024
print(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Runs a command and prints its seconds, its seconds of CPU and its largest resident memory."""


class Cost(NamedTuple):
    """What one process took."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds, of all threads."""
    memory: float
    """Most bytes that were resident."""


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", action="append", help="mobilenetv2 and xception65 by default")
    parser.add_argument("--pictures", type=int, default=40)
    parser.add_argument("--size", default="512x512", help="HEIGHTxWIDTH of the folder's pictures")
    parser.add_argument("--kinds", default="mask", help="what is written, as --as takes it")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help="0: one for each core")
    arguments = parser.parse_args()
    height, width = (int(side) for side in arguments.size.split("x"))
    print(f"{describe_hardware()}; {arguments.rounds} rounds, medians")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        pictures = draw_pictures(root / "pictures", arguments.pictures, (height, width))
        for encoder in arguments.encoder or ["mobilenetv2", "xception65"]:
            show_share(make_model(root, encoder), encoder, pictures, arguments)
        show_cold(make_model(root, "mobilenetv2"), root, arguments.rounds)


def make_model(root: Path, encoder: str) -> Path:
    """An ONNX file with random weights, and the same weights for torch beside it."""
    path = root / f"{encoder}.onnx"
    if not path.exists():
        config = ModelConfig(encoder=encoder, num_classes=CLASSES)
        card = ModelCard(
            name=encoder,
            classes=tuple(str(index) for index in range(CLASSES)),
            palette=tuple((index, 10 * index, 0) for index in range(CLASSES)),
            architecture=config.model_dump(mode="json"),
        )
        network = build_model(config).eval()
        export_onnx(network, card, path)
        save_model(path.with_suffix(".safetensors"), network, card)
    return path


def draw_pictures(folder: Path, count: int, size: tuple[int, int]) -> list[Path]:
    """JPEGs of the street of examples/, each turned a little further."""
    folder.mkdir()
    paths = [folder / f"{index:04}.jpg" for index in range(count)]
    with Image.open(Path(__file__).parents[1] / "examples" / "street.jpg") as street:
        seen = np.asarray(street.resize(size[::-1], Image.Resampling.BICUBIC))
    for index, path in enumerate(paths):
        Image.fromarray(np.roll(seen, 4 * index, axis=1)).save(path, quality=90)
    return paths


def show_share(
    model: Path, encoder: str, pictures: list[Path], arguments: argparse.Namespace
) -> None:
    """Time of a picture in the command, and how much of it is not the network."""
    predictor = atrous.load(model, threads=arguments.threads)
    images = [
        prepare(predictor.read(path).pixels, predictor.card.preprocessing) for path in pictures
    ]
    predictor.engine.run(images[0])
    flags = ["--model", str(model), "--as", arguments.kinds, "--quiet", "--overwrite", "--json"]
    flags += ["--threads", str(arguments.threads)]
    rows = []
    for _ in range(arguments.rounds):
        with tempfile.TemporaryDirectory() as out:
            one = seconds_of(lambda: silently([str(pictures[0]), "-o", out, *flags]))
            many = seconds_of(lambda: silently([str(pictures[0].parent), "-o", out, *flags]))
        network = seconds_of(lambda: [predictor.engine.run(image) for image in images])
        rows.append(((many - one) / (len(pictures) - 1), network / len(pictures)))
    whole, network = (median(column) for column in zip(*rows, strict=True))
    share = median(1 - alone / each for each, alone in rows)
    print(
        f"{encoder}: {whole * 1e3:.0f} ms a picture, network alone {network * 1e3:.0f} ms, "
        f"{share:.1%} is not the network"
    )


def silently(arguments: list[str]) -> None:
    """The command, without what it prints.

    Raises:
        SystemExit: If it fails.
    """
    with open(os.devnull, "w") as nowhere:
        printed, sys.stdout = sys.stdout, nowhere
        try:
            run_command(["predict", *arguments])
        except SystemExit as stopped:
            if stopped.code:
                raise
        finally:
            sys.stdout = printed


def show_cold(model: Path, root: Path, rounds: int) -> None:
    """Cold processes from a 640x480 JPEG to a mask PNG."""
    picture = draw_pictures(root / "cold", 1, (480, 640))[0]
    ours = [sys.executable, "-m", "atrous", "predict", str(picture), "--model", str(model)]
    ours += ["--as", "mask", "--quiet", "--overwrite", "-o", str(root / "ours.png")]
    torch_model = model.with_suffix(".safetensors")
    script = [sys.executable, "-c", SCRIPT, str(torch_model), str(picture), str(root / "torch.png")]
    commands = {
        "atrous predict": ours,
        "torch script": script,
        "atrous --help": [sys.executable, "-m", "atrous", "--help"],
    }
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            cost = cost_of(command)
            if turn:  # the first reads the files from the disk
                costs[name].append(cost)
    medians = {
        name: Cost(*(median(column) for column in zip(*rows, strict=True)))
        for name, rows in costs.items()
    }
    for name, cost in medians.items():
        print(
            f"cold {name}: {cost.wall:.2f} s, {cost.cpu:.2f} s of CPU, "
            f"{cost.memory / 2**20:.0f} MiB"
        )
    mine, usual = medians["atrous predict"], medians["torch script"]
    same = np.mean(
        np.asarray(Image.open(root / "ours.png")) == np.asarray(Image.open(root / "torch.png"))
    )
    print(
        f"cold: {usual.wall / mine.wall:.1f} x as fast, {usual.cpu / mine.cpu:.1f} x less CPU, "
        f"{mine.memory / usual.memory:.0%} of the memory; {same:.2%} of labels equal"
    )


def cost_of(command: list[str]) -> Cost:
    """Run a process to its end.

    A small process starts it, since the memory of the one that starts counts as the child's peak.

    Raises:
        CalledProcessError: If it fails.
    """
    starter = [sys.executable, "-S", "-c", STARTER, *command]
    told = subprocess.run(starter, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours
    wall, cpu, memory = (float(word) for word in told.stdout.split()[-3:])
    return Cost(wall, cpu, memory)


def seconds_of(action: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
