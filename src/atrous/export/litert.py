"""LiteRT, the former TensorFlow Lite: ``.tflite`` for phones and small machines."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atrous.export.graph import Files, Graph, Request, Run, example_input
from atrous.models.segmenter import Segmenter
from atrous.runtime.card import ModelCard


def to_litert(model: Segmenter, card: ModelCard, request: Request) -> Files:
    """The network as a LiteRT model of one size, and the card beside it as JSON."""
    import litert_torch  # noqa: PLC0415

    graph = Graph(model, card, processing=request.processing)
    converted = litert_torch.convert(graph, (example_input(card, request),))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "model.tflite"
        converted.export(str(place))
        return {".json": card.to_json().encode(), ".tflite": place.read_bytes()}


def run_litert(path: Path) -> Run:
    """Open a model in LiteRT's interpreter."""
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    takes = interpreter.get_input_details()[0]["index"]
    gives = interpreter.get_output_details()[0]["index"]

    def run(images: NDArray[Any]) -> NDArray[Any]:
        interpreter.set_tensor(takes, images)
        interpreter.invoke()
        return np.array(interpreter.get_tensor(gives))

    return run
