"""Time from pixels to mask for one or more models, in turn, on this machine.

    python benchmarks/predict.py camvid runs/mine --size 360x480

Models take turns picture by picture, so that a machine that slows down slows them all. Prints
medians over the rounds, ratios against the first model, and the hardware.
"""

import argparse
import os
import platform
import statistics
import time
from pathlib import Path

import numpy as np

import atrous
from atrous.runtime.predictor import prepare
from atrous.runtime.upsample import upsample_labels
from atrous.weights.load import find_model


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", help="shipped names, model files or run folders")
    parser.add_argument("--size", default="360x480", help="HEIGHTxWIDTH of the picture")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=0, help="0: one for each core")
    arguments = parser.parse_args()
    height, width = (int(side) for side in arguments.size.split("x"))
    pixels = _noise(height, width)
    predictors = {name: atrous.load(name, threads=arguments.threads) for name in arguments.models}
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in predictors}
    for turn in range(arguments.rounds + 2):
        for name, predictor in predictors.items():
            measured = _measure(predictor, pixels)
            if turn >= 2:  # the first two warm caches and allocators
                times[name].append(measured)
    print(f"{_hardware()}; {height}x{width}, {arguments.rounds} rounds, medians")
    first = None
    for name, rows in times.items():
        network, mask = (statistics.median(column) * 1e3 for column in zip(*rows, strict=True))
        first = first or network + mask
        size = find_model(name).stat().st_size / 2**20
        print(
            f"{name}: network {network:.0f} ms, mask {mask:.0f} ms, "
            f"{(network + mask) / first:.2f} x the first, {size:.1f} MiB"
        )


def _measure(predictor: atrous.Predictor, pixels: np.ndarray) -> tuple[float, float]:
    start = time.perf_counter()
    logits = predictor.engine.run(prepare(pixels, predictor.card.preprocessing))[0]
    middle = time.perf_counter()
    upsample_labels(logits, pixels.shape[:2], align_corners=predictor.card.align_corners)
    return middle - start, time.perf_counter() - middle


def _noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


def _hardware() -> str:
    names = {
        line.split(":", 1)[1].strip() for line in _cpu_lines() if line.startswith("model name")
    }
    return f"{', '.join(sorted(names)) or platform.processor()}, {os.cpu_count()} cores"


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


if __name__ == "__main__":
    main()
