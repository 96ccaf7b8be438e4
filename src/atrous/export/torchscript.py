"""TorchScript: for programs on libtorch, such as C++ without Python."""

import io
import warnings
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from atrous.export.graph import Files, Graph, Request, Run, example_input
from atrous.models.segmenter import Segmenter
from atrous.runtime.card import CARD_KEY, ModelCard


def to_torchscript(model: Segmenter, card: ModelCard, request: Request) -> Files:
    """The network as a traced program, with the card as an extra file of that name."""
    graph = Graph(model, card, processing=request.processing)
    content = io.BytesIO()
    # Tracing notes that sizes were compared, and that torch.export is its successor.
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.jit.trace(graph, example_input(card, request), check_trace=False)
        torch.jit.save(program, content, _extra_files={CARD_KEY: card.to_json()})
    return {".torchscript": content.getvalue()}


def run_torchscript(path: Path) -> Run:
    """Open a program that was just written; others' programs could run anything."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.jit.load(str(path), map_location="cpu")

    @torch.inference_mode()
    def run(images: NDArray[Any]) -> NDArray[Any]:
        return program(torch.from_numpy(images)).numpy()

    return run
