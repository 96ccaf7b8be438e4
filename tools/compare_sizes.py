"""Measure one trained model at several picture sizes and output strides, on labelled pictures.

    python tools/compare_sizes.py runs/NAME --data CAMVID --sizes 480 640 --strides 16 8

The weights are the same for every row: the output stride only changes strides and atrous rates.
Each is exported with 16-bit weights and measured with ONNX Runtime, on the split that the run was
evaluated on; the time is the median over those pictures, network and mask together.
"""

import argparse
import os
import statistics
import tempfile
import time
from itertools import product
from pathlib import Path

import atrous
from atrous.data.detect import open_split
from atrous.engine.evaluate import evaluate, samples_of
from atrous.export.onnx import export_onnx
from atrous.models.config import model_config_from
from atrous.weights.load import find_model


def main() -> None:
    """Parse, and print a row for each pair of size and stride."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", help="a run folder or .safetensors file")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sizes", type=int, nargs="+", required=True, help="longest side")
    parser.add_argument("--strides", type=int, nargs="+", default=[16])
    arguments = parser.parse_args()
    print(f"{_processor()}, {os.cpu_count()} cores")
    for stride, size in product(arguments.strides, arguments.sizes):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            split = _export(find_model(arguments.run), path, stride=stride, size=size)
            found, seconds = _measure(path, arguments.data, split)
            print(
                f"longest side {size}, output stride {stride}: mIoU {found.mean_iou:.2%}, "
                f"pixel accuracy {found.pixel_accuracy:.2%}, {seconds * 1e3:.0f} ms, "
                f"{path.stat().st_size / 2**20:.1f} MiB",
                flush=True,
            )


def _export(source: Path, path: Path, *, stride: int, size: int) -> str:
    trained, card = atrous.load_model(source)
    architecture = card.architecture | {"output_stride": stride}
    model = atrous.build_model(model_config_from(architecture))
    model.load_state_dict(trained.state_dict())
    preprocessing = card.preprocessing.model_copy(update={"longest_side": size})
    changed = card.model_copy(update={"preprocessing": preprocessing, "architecture": architecture})
    export_onnx(model, changed, path, half=True)
    return str(card.result["split"])


def _measure(path: Path, data: Path, split: str):
    predictor = atrous.load(path)
    pairs = open_split(data, split)
    times: list[float] = []

    def timed(pixels):
        start = time.perf_counter()
        labels = predictor.predict_pixels(pixels)
        times.append(time.perf_counter() - start)
        return labels

    return evaluate(timed, pairs, samples_of(pairs)), statistics.median(times)


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if "model name" in line), "CPU")


if __name__ == "__main__":
    main()
