"""Time from logits to labels of the picture's size, ours and others, side by side.

    python benchmarks/upsample.py --maps street.npy:1024x2048 noise:21x129x129:513x513

A map is a file of logits (C, h, w) as ``numpy.save`` writes it, or noise or smoothed noise of a
shape. Without ``--maps`` it is the shipped model's logits of a picture, and noise of 21 classes.
Ways take turns round by round. Prints medians, ratios, the largest temporary memory of the ways
whose arrays Python can see, in how many pixels labels differ from torch's, and the hardware.
"""

import argparse
import statistics
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from hardware import describe_hardware
from numpy.typing import NDArray

import atrous
from atrous.imaging import LabelMap
from atrous.layers.labels import upsample_labels as torch_cells
from atrous.runtime.bilinear import resize_bilinear, taps
from atrous.runtime.cells import every_pixel
from atrous.runtime.predictor import prepare
from atrous.runtime.upsample import confidence_of, upsample_labels

Logits = NDArray[np.float32]
Ways = dict[str, Callable[[], object]]
STREET = Path(__file__).parents[1] / "examples" / "street.jpg"


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--maps", nargs="+", help="FILE.npy:HxW, or noise or smooth:CxHxW:HxW")
    parser.add_argument("--align-corners", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--threads", type=int, default=2, help="of torch and ONNX Runtime")
    parser.add_argument("--rounds", type=int, default=11)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(
        f"{describe_hardware()}; "
        f"torch {torch.__version__} and ONNX Runtime {onnxruntime.__version__} on "
        f"{arguments.threads} threads, numpy {np.__version__} on one; medians of "
        f"{arguments.rounds} rounds"
    )
    for text in arguments.maps or ["street", "noise:21x129x129:513x513"]:
        logits, size = _read(text)
        print(f"{text}: {logits.shape} to {size}", flush=True)
        _measure(_ways(logits, size, arguments), arguments.rounds)


def _measure(ways: Ways, rounds: int) -> None:
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            if turn:  # the first warms caches and allocators
                times[name].append(time.perf_counter() - start)
    medians = {name: statistics.median(row) for name, row in times.items()}
    first = next(iter(medians.values()))
    expected = np.asarray(next(iter(ways.values()))())
    for name, median in medians.items():
        differing = int((np.asarray(ways[name]()) != expected).sum())
        print(
            f"  {name}: {median * 1e3:.2f} ms, {first / median:.1f} times as fast as torch"
            + (f", {_peak(ways[name]) / 2**20:.1f} MiB" if "numpy" in name else "")
            + f", {differing} pixels differ"
        )


def _ways(logits: Logits, size: tuple[int, int], arguments: argparse.Namespace) -> Ways:
    aligned = arguments.align_corners
    tensor = torch.from_numpy(logits)[None]
    last = tensor.contiguous(memory_format=torch.channels_last)
    rows, columns = (taps(a, b, aligned) for a, b in zip(logits.shape[1:], size, strict=True))
    session = _session(len(logits), size, arguments)
    labels = upsample_labels(logits, size, align_corners=aligned)
    return {
        "torch, interpolate + argmax": lambda: _torch(tensor, size, aligned),
        "torch, channels last": lambda: _torch(last, size, aligned),
        "ONNX Runtime, Resize + ArgMax": lambda: session.run(None, {"logits": logits[None]})[0][0],
        "numpy, resize + argmax": lambda: resize_bilinear(
            logits, size, align_corners=aligned
        ).argmax(0),
        "ours, numpy, every pixel": lambda: every_pixel(logits, rows, columns),
        "ours, torch": lambda: torch_cells(tensor, size, align_corners=aligned)[0],
        "ours, numpy": lambda: upsample_labels(logits, size, align_corners=aligned),
        "torch, softmax and its largest": lambda: _torch_confidence(tensor, size, aligned),
        "ours, numpy, labels and confidence": lambda: _with_confidence(
            labels, logits, size, aligned
        ),
    }


def _torch(logits: torch.Tensor, size: tuple[int, int], aligned: bool) -> torch.Tensor:
    return F.interpolate(logits, size, mode="bilinear", align_corners=aligned).argmax(1)[0]


def _torch_confidence(logits: torch.Tensor, size: tuple[int, int], aligned: bool) -> torch.Tensor:
    full = F.interpolate(logits, size, mode="bilinear", align_corners=aligned)
    return full.softmax(1).max(1).indices[0]


def _with_confidence(
    labels: LabelMap, logits: Logits, size: tuple[int, int], aligned: bool
) -> LabelMap:
    confidence_of(labels, [logits], align_corners=aligned)
    return upsample_labels(logits, size, align_corners=aligned)


def _session(
    classes: int, size: tuple[int, int], arguments: argparse.Namespace
) -> onnxruntime.InferenceSession:
    from onnx import TensorProto, helper  # noqa: PLC0415 - only to make the graph

    mode = "align_corners" if arguments.align_corners else "half_pixel"
    nodes = [
        helper.make_node(
            "Resize",
            ["logits", "", "", "sizes"],
            ["full"],
            mode="linear",
            coordinate_transformation_mode=mode,
        ),
        helper.make_node("ArgMax", ["full"], ["labels"], axis=1, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "labels",
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, classes, None, None])],
        [helper.make_tensor_value_info("labels", TensorProto.INT64, [1, *size])],
        [helper.make_tensor("sizes", TensorProto.INT64, [4], [1, classes, *size])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = arguments.threads
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _read(text: str) -> tuple[Logits, tuple[int, int]]:
    if text == "street":
        return _street()
    name, *shape, size = text.split(":")
    height, width = (int(side) for side in size.split("x"))
    if not shape:
        return np.load(name), (height, width)
    classes, *grid = (int(side) for side in shape[0].split("x"))
    logits = np.random.default_rng(0).normal(size=(classes, *grid)).astype(np.float32)
    if name == "smooth":
        logits = np.stack([cv2.GaussianBlur(one, (0, 0), 5) for one in logits])
    return logits, (height, width)


def _street() -> tuple[Logits, tuple[int, int]]:
    predictor = atrous.load("camvid")
    pixels = cv2.imread(str(STREET))[..., ::-1]
    logits = predictor.engine.run(prepare(pixels, predictor.card.preprocessing))[0]
    return logits, (pixels.shape[0], pixels.shape[1])


def _peak(way: Callable[[], object]) -> int:
    tracemalloc.start()
    way()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


if __name__ == "__main__":
    main()
