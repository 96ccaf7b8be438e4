"""OpenVINO IR: an ``.xml`` with the graph and a ``.bin`` with the weights."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atrous.export.graph import Files, Request, Run
from atrous.export.onnx import graph_bytes
from atrous.models.segmenter import Segmenter
from atrous.runtime.card import CARD_KEY, ModelCard


def to_openvino(model: Segmenter, card: ModelCard, request: Request) -> Files:
    """The network's ONNX graph as OpenVINO IR, with the card in its runtime information."""
    import openvino  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "model.onnx"
        place.write_bytes(graph_bytes(model, card, request))
        converted = openvino.convert_model(place)
        converted.set_rt_info(card.to_json(), [CARD_KEY])
        openvino.save_model(converted, place.with_suffix(".xml"), compress_to_fp16=request.half)
        # Its caller takes the last file of several for the one that makes the model whole.
        return {ending: place.with_suffix(ending).read_bytes() for ending in (".bin", ".xml")}


def run_openvino(path: Path) -> Run:
    """Open IR on the CPU, in 32 bits."""
    import openvino  # noqa: PLC0415

    # Without the hint some processors compute in bfloat16.
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    compiled = openvino.Core().compile_model(path, "CPU", settings)

    def run(images: NDArray[Any]) -> NDArray[Any]:
        return np.array(compiled([images])[0])

    return run
