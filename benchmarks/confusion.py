"""Time of metrics on one picture, side by side with other ways to count, on this machine.

    python benchmarks/confusion.py --size 1024x2048 --classes 19

Ways take turns round by round, so that a machine that slows down slows them all. torchmetrics and
scikit-learn are measured where they are installed. Prints medians, ratios to the confusion matrix
of this package, and the hardware. All run on one thread.
"""

import argparse
import importlib.util
import statistics
import time
from collections.abc import Callable

import cv2
import numpy as np
from hardware import describe_hardware

from atrous.metrics.boundary import BoundaryF, BoundaryIoU, TrimapCurve
from atrous.metrics.confusion import ConfusionMatrix


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="1024x2048", help="HEIGHTxWIDTH of the picture")
    parser.add_argument("--classes", type=int, default=19)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    height, width = (int(side) for side in arguments.size.split("x"))
    cv2.setNumThreads(1)
    predicted, labels = _picture(height, width, arguments.classes)
    ways = _ways(predicted, labels, arguments.classes)
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(arguments.rounds + 2):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            if turn >= 2:  # the first two warm caches and allocators
                times[name].append(time.perf_counter() - start)
    print(f"{describe_hardware()}; {height}x{width}, {arguments.classes} classes, medians")
    first = statistics.median(next(iter(times.values())))
    for name, row in times.items():
        median = statistics.median(row)
        print(f"{name}: {median * 1e3:.1f} ms, {median / first:.1f} x the first")


def _picture(height: int, width: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Blocks of classes, a prediction that is off by two pixels, and 2 % ignored pixels."""
    random = np.random.default_rng(0)
    blocks = random.integers(0, classes, (32, 64)).astype(np.uint8)
    whole = cv2.resize(blocks, (width, height), interpolation=cv2.INTER_NEAREST)
    predicted = np.roll(whole, 2, axis=1)
    labels = np.where(cv2.blur(random.random((height, width)), (9, 9)) < 0.44, 255, whole)
    return predicted, labels.astype(np.uint8)


def _ways(
    predicted: np.ndarray, labels: np.ndarray, classes: int
) -> dict[str, Callable[[], object]]:
    ways: dict[str, Callable[[], object]] = {
        "ConfusionMatrix": lambda: ConfusionMatrix(classes).update(predicted, labels),
        "mask, then bincount": lambda: _bincount(predicted, labels, classes),
        "TrimapCurve, 7 widths": lambda: TrimapCurve(classes).update(predicted, labels),
        "BoundaryIoU": lambda: BoundaryIoU(classes).update(predicted, labels),
        "BoundaryF, 3 tolerances": lambda: BoundaryF(classes).update(predicted, labels),
    }
    if importlib.util.find_spec("sklearn"):
        from sklearn.metrics import confusion_matrix  # noqa: PLC0415 - measured where installed

        keep = labels != 255
        ways["scikit-learn, confusion_matrix"] = lambda: confusion_matrix(
            labels[keep], predicted[keep]
        )
    if importlib.util.find_spec("torchmetrics"):
        ways |= _torchmetrics(predicted, labels, classes)
    return ways


def _torchmetrics(
    predicted: np.ndarray, labels: np.ndarray, classes: int
) -> dict[str, Callable[[], object]]:
    import torch  # noqa: PLC0415 - measured where installed
    from torchmetrics.classification import (  # noqa: PLC0415
        MulticlassConfusionMatrix,
        MulticlassJaccardIndex,
    )

    torch.set_num_threads(1)
    pair = [torch.from_numpy(values.astype(np.int64))[None] for values in (predicted, labels)]
    found = {}
    for kind in (MulticlassConfusionMatrix, MulticlassJaccardIndex):
        metric = kind(classes, ignore_index=255)
        found[f"torchmetrics, {kind.__name__}"] = lambda metric=metric: metric.update(*pair)
    return found


def _bincount(predicted: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    keep = labels != 255
    pairs = labels[keep].astype(np.int64) * classes + predicted[keep]
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


if __name__ == "__main__":
    main()
