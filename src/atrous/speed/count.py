"""How much a model computes, told by the file itself."""

import json
import math
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from atrous.errors import DependencyError, WeightsError
from atrous.runtime.onnx_file import check_file

_WEIGHT_OF = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3}
"""Which input of a convolution is its weight: (out, in / groups, rows, columns)."""


def count_multiply_adds(model: Path, shape: tuple[int, ...]) -> int:
    """Multiply-adds of convolutions and products of matrices for one input.

    An ONNX graph is run once, as it is stored, and ONNX Runtime's own record of the shapes is
    counted; that needs no torch. The network of a ``.safetensors`` file is counted by torch, which
    runs it anyway.

    Args:
        model: An ``.onnx`` or ``.safetensors`` file.
        shape: Of the input: (1, C, h, w).

    Raises:
        WeightsError: If the file is damaged.
        DependencyError: If torch is needed and not installed.
    """
    if model.suffix == ".onnx":
        return sum(_multiply_adds(node) for node in _nodes_run(model, shape))
    try:
        from atrous.layers.count import count_multiply_adds as count_in_torch  # noqa: PLC0415
        from atrous.weights.model_file import load_model  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise DependencyError(f"{model}: needs {error.name}; pip install 'atrous[train]'") from None
    return count_in_torch(load_model(model)[0], *shape)


def _nodes_run(model: Path, shape: tuple[int, ...]) -> Iterator[Mapping[str, Any]]:
    check_file(model)
    with tempfile.TemporaryDirectory(prefix="atrous-count-") as folder:
        options = onnxruntime.SessionOptions()
        # Optimized graphs have layers that are filled up to blocks of channels.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "run")
        options.log_severity_level = 4
        try:
            session = onnxruntime.InferenceSession(str(model), options)
            session.run(None, {"images": np.zeros(shape, np.float32)})
        # ONNX Runtime raises types of its own for each failure, all below Exception.
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise WeightsError(f"{model}: its computation cannot be counted ({reason})") from None
        events = json.loads(Path(session.end_profiling()).read_text())
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            yield event["args"]


def _multiply_adds(node: Mapping[str, Any]) -> int:
    kind = node["op_name"]
    if kind not in _WEIGHT_OF and kind not in {"MatMul", "Gemm"}:
        return 0
    # Inputs that are left out have no shape.
    inputs = [next(iter(each.values()), [0]) for each in node["input_type_shape"]]
    (result,) = node["output_type_shape"][0].values()
    # What one value of the result is a sum of.
    terms = math.prod(inputs[_WEIGHT_OF[kind]][1:]) if kind in _WEIGHT_OF else inputs[0][-1]
    return math.prod(result) * terms
