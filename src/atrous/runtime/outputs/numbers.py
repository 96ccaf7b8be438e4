"""Outputs that are arrays of numpy in compressed files."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atrous.imaging import write_file
from atrous.runtime.outputs.output import Item, Job, Output


def write_npz(path: Path, item: Item, job: Job) -> None:
    """Labels (H, W), class names, palette, ignore_index, and confidence (H, W) float16."""
    _write(path, _arrays(item), job)


def write_probs(path: Path, item: Item, job: Job) -> None:
    """The same, and probabilities (C, H, W) float16."""
    if item.result.probabilities is None:
        raise ValueError("the result was made without probabilities")
    _write(path, {**_arrays(item), "probabilities": item.result.probabilities}, job)


def _arrays(item: Item) -> dict[str, NDArray[Any]]:
    result = item.result
    if result.confidence is None:
        raise ValueError("the result was made without confidence")
    return {
        "labels": result.mask,
        "classes": np.array(result.classes),
        "palette": np.array(result.label_set.palette, np.uint8),
        "ignore_index": np.array(result.label_set.ignore_index),
        "confidence": result.confidence.astype(np.float16),
    }


def _write(path: Path, arrays: dict[str, NDArray[Any]], job: Job) -> None:
    # The type would allow an array called `file`, which none of ours is.
    write_file(
        path,
        lambda file: np.savez_compressed(file, **arrays),  # type: ignore[arg-type]
        overwrite=job.overwrite,
    )


NPZ = Output(
    about="labels and confidence for numpy",
    write=write_npz,
    ending=".npz",
    single=(".npz",),
    needs=frozenset({"confidence"}),
)
PROBS = Output(
    about="as npz, with the probabilities of every class",
    write=write_probs,
    ending=".probs.npz",
    single=(".npz",),
    needs=frozenset({"confidence", "probabilities"}),
)
