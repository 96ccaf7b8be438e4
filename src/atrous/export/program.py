"""Programs of torch.export, ``.pt2``: for torch itself, its compiler and what reads its graphs."""

import io
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from atrous.export.graph import Files, Graph, Request, Run, example_input
from atrous.models.segmenter import Segmenter
from atrous.runtime.card import CARD_KEY, ModelCard

_TRACES = ("stack_trace", "nn_module_stack", "source_fn_stack", "from_node", "torch_fn")
"""What torch notes of each step: files and lines of the machine that exported."""


def exported_program(
    model: Segmenter, card: ModelCard, request: Request
) -> torch.export.ExportedProgram:
    """The network as a graph of torch operators, for one size or for any."""
    graph = Graph(model, card, processing=request.processing)
    auto = torch.export.Dim.AUTO
    sides = (1, 2) if request.processing else (2, 3)
    shapes = None if request.size else ({0: auto, sides[0]: auto, sides[1]: auto},)
    with torch.no_grad():
        program = torch.export.export(graph, (example_input(card, request),), dynamic_shapes=shapes)
    for node in program.graph.nodes:
        for trace in _TRACES:
            node.meta.pop(trace, None)
    return program


def to_program(model: Segmenter, card: ModelCard, request: Request) -> Files:
    """A ``.pt2`` archive, with the card as an extra file of that name."""
    content = io.BytesIO()
    program = exported_program(model, card, request)
    torch.export.save(program, content, extra_files={CARD_KEY: card.to_json()})
    return {".pt2": content.getvalue()}


def run_program(path: Path) -> Run:
    """Open a program that was just written."""
    program = torch.export.load(path).module()

    @torch.inference_mode()
    def run(images: NDArray[Any]) -> NDArray[Any]:
        return program(torch.from_numpy(images)).numpy()

    return run
