"""ExecuTorch: ``.pte`` for torch's runtime on phones and small machines."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from atrous.export.graph import Files, Request, Run
from atrous.export.program import exported_program
from atrous.models.segmenter import Segmenter
from atrous.runtime.card import ModelCard


def to_executorch(model: Segmenter, card: ModelCard, request: Request) -> Files:
    """The network as an ExecuTorch program of one size for XNNPACK, and the card as JSON."""
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import (  # noqa: PLC0415
        XnnpackPartitioner,
    )
    from executorch.exir import to_edge_transform_and_lower  # noqa: PLC0415

    program = exported_program(model, card, request)
    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    return {".json": card.to_json().encode(), ".pte": bytes(lowered.to_executorch().buffer)}


def run_executorch(path: Path) -> Run:
    """Open a program in ExecuTorch's runtime."""
    from executorch.runtime import Runtime  # noqa: PLC0415

    method = Runtime.get().load_program(path).load_method("forward")

    def run(images: NDArray[Any]) -> NDArray[Any]:
        return np.array(method.execute([torch.from_numpy(images)])[0])

    return run
