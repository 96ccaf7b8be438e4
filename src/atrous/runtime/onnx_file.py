"""What every engine that reads ONNX files asks of one."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from atrous.errors import WeightsError
from atrous.runtime.card import ModelCard
from atrous.runtime.engine import CONTEXT

_MAX_BYTES = 2 << 30


class Value(NamedTuple):
    """An input or output of a network."""

    name: str
    type: str
    """``float`` for 32 bits, else as the engine calls it."""
    shape: tuple[object, ...]
    """Numbers; anything else where a side may have any length."""


def check_file(path: Path) -> None:
    """Refuse what cannot be a model file before anything is read.

    Raises:
        WeightsError: If the file is missing, empty or too large.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such model file")
    size = path.stat().st_size
    if size == 0:
        raise WeightsError(f"{path}: the model file is empty")
    if size > _MAX_BYTES:
        raise WeightsError(f"{path}: {size / 2**30:.1f} GiB, more than an ONNX file can hold")


def check_signature(
    path: Path, card: ModelCard, inputs: Sequence[Value], outputs: Sequence[Value]
) -> None:
    """Refuse a network that does not take images and give logits as its card says.

    Raises:
        WeightsError: If it does not.
    """
    channels, classes = card.preprocessing.kind.channels, len(card.classes)
    wanted = (("images", channels), ("logits", classes))
    found = (*inputs, *outputs)
    more = [value.name for value in outputs[1:]]
    fits = len(inputs) == 1 and outputs and more in ([], [CONTEXT])
    fits = fits and all(
        (value.name, value.type, len(value.shape)) == (name, "float", 4) and value.shape[1] == width
        for value, (name, width) in zip(found, wanted, strict=False)
    )
    if not fits:
        raise WeightsError(
            f"{path}: expected one float input 'images' (B, {channels}, H, W) and one float output "
            f"'logits' (B, {classes}, h, w); found {[tuple(value) for value in found]}"
        )


def first_line(error: Exception) -> str:
    """The beginning of what a library says went wrong, short enough for one sentence."""
    return str(error).strip().split("\n", maxsplit=1)[0][:300]
