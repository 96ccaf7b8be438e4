"""Time from pixels to mask for one or more models and engines, in turn, on this machine.

    python benchmarks/predict.py camvid runs/mine --size 360x480
    python benchmarks/predict.py camvid --engine onnx --engine openvino --engine openvino:bf16

Models take turns picture by picture, so that a machine that slows down slows them all. Prints
medians over the rounds, ratios against the first model, and the hardware.
"""

import argparse
import statistics
import time

import numpy as np
from hardware import describe_hardware

import atrous
from atrous.runtime.predictor import prepare
from atrous.runtime.upsample import upsample_labels
from atrous.weights.load import find_model


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", help="shipped names, model files or run folders")
    parser.add_argument("--size", default="360x480", help="HEIGHTxWIDTH of the picture")
    parser.add_argument("--engine", action="append", help="NAME or NAME:PRECISION; auto by default")
    parser.add_argument("--batch", type=int, default=1, help="pictures at once; times are of one")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=0, help="0: one for each core")
    arguments = parser.parse_args()
    height, width = (int(side) for side in arguments.size.split("x"))
    pixels = _noise(height, width)
    predictors = {
        f"{name}, {engine}": _load(name, engine, arguments.threads)
        for name in arguments.models
        for engine in arguments.engine or ["auto"]
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in predictors}
    for turn in range(arguments.rounds + 2):
        for name, predictor in predictors.items():
            measured = _measure(predictor, pixels, arguments.batch)
            if turn >= 2:  # the first two warm caches and allocators
                times[name].append(measured)
    print(f"{describe_hardware()}; {height}x{width}, {arguments.rounds} rounds, medians")
    first = None
    for name, rows in times.items():
        network, mask = (statistics.median(column) * 1e3 for column in zip(*rows, strict=True))
        first = first or network + mask
        size = find_model(name.split(", ")[0]).stat().st_size / 2**20
        print(
            f"{name}: network {network:.0f} ms, mask {mask:.0f} ms, "
            f"{(network + mask) / first:.2f} x the first, {size:.1f} MiB"
        )


def _load(model: str, engine: str, threads: int) -> atrous.Predictor:
    name, _, precision = engine.partition(":")
    return atrous.load(model, engine=name, precision=precision or "fp32", threads=threads)


def _measure(predictor: atrous.Predictor, pixels: np.ndarray, batch: int) -> tuple[float, float]:
    start = time.perf_counter()
    images = prepare(pixels, predictor.card.preprocessing)
    logits = predictor.engine.run(np.repeat(images, batch, axis=0) if batch > 1 else images)[0]
    middle = time.perf_counter()
    upsample_labels(logits, pixels.shape[:2], align_corners=predictor.card.align_corners)
    return (middle - start) / batch, time.perf_counter() - middle


def _noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


if __name__ == "__main__":
    main()
