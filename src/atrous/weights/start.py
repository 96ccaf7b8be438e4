"""Weights to start a training from: foreign encoders brought into our networks."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from atrous.encoders import ENCODERS, Encoder
from atrous.errors import WeightsError
from atrous.weights.formats.contents import refuse_not_finite
from atrous.weights.formats.frozen_graph import read_frozen_graph
from atrous.weights.formats.leaves import CHECKPOINT_LEAVES, FOLDED_LEAVES
from atrous.weights.formats.openvino_ir import read_openvino_ir
from atrous.weights.formats.tf_archive import find_archive, read_archive
from atrous.weights.formats.tf_checkpoint import checkpoint_prefix, read_tf_checkpoint
from atrous.weights.formats.tf_checkpoint_v1 import find_v1_checkpoint, read_v1_checkpoint
from atrous.weights.formats.tflite import read_tflite
from atrous.weights.formats.torch_file import TORCH_ENDINGS, is_ours
from atrous.weights.from_keras import KERAS_ENDINGS, read_keras, xception_rules
from atrous.weights.from_ours import OUR_ENDINGS, card_of, fill_from_ours
from atrous.weights.from_tf_deeplab import start_values
from atrous.weights.input_channels import fit_input_channels
from atrous.weights.peers import start as peers
from atrous.weights.rename import Values, rename
from atrous.weights.unfold import fold_norms


def _read_checkpoint(prefix: Path) -> tuple[str, Values]:
    return start_values(read_tf_checkpoint(prefix), leaves=CHECKPOINT_LEAVES, where=str(prefix))


def _read_v1_checkpoint(path: Path) -> tuple[str, Values]:
    return start_values(read_v1_checkpoint(path), leaves=CHECKPOINT_LEAVES, where=str(path))


def _read_ir(path: Path) -> tuple[str, Values]:
    return start_values(read_openvino_ir(path), leaves=FOLDED_LEAVES, where=str(path))


def _read_tflite(path: Path) -> tuple[str, Values]:
    return start_values(read_tflite(path).values, leaves=FOLDED_LEAVES, where=str(path))


def _read_frozen_graph(path: Path) -> tuple[str, Values]:
    found = read_frozen_graph(path)
    return start_values(found.values, leaves=found.leaves, where=str(path))


def _read_archive(path: Path) -> tuple[str, Values]:
    found = read_archive(path)
    return start_values(found.values, leaves=found.leaves, where=str(path))


def _read_keras(path: Path) -> tuple[str, Values]:
    arrays = read_keras(path)
    try:
        return "xception", rename(arrays, xception_rules())
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None


def _with_ending(*endings: str) -> Callable[[Path], Path | None]:
    return lambda path: path if path.suffix in endings else None


@dataclass(frozen=True)
class StartFormat:
    """One kind of published weights to start from."""

    find: Callable[[Path], Path | None]
    """The file that a path means; None if the path is of another kind."""
    read: Callable[[Path], tuple[str, Values]]
    """The encoder's name, as in `atrous.encoders.ENCODERS`, and values by our names."""


START_FORMATS: Mapping[str, StartFormat] = {
    "TensorFlow checkpoints by their prefix": StartFormat(checkpoint_prefix, _read_checkpoint),
    "TensorFlow V1 checkpoints in one file": StartFormat(find_v1_checkpoint, _read_v1_checkpoint),
    "OpenVINO IRs (.xml)": StartFormat(_with_ending(".xml"), _read_ir),
    "frozen TensorFlow graphs (.pb)": StartFormat(_with_ending(".pb"), _read_frozen_graph),
    "archives of the release (.tar.gz)": StartFormat(find_archive, _read_archive),
    "TFLite models (.tflite)": StartFormat(_with_ending(".tflite"), _read_tflite),
    "Keras' Xception (.keras, .h5, .npz)": StartFormat(_with_ending(*KERAS_ENDINGS), _read_keras),
    "PyTorch state dicts (.pth, .safetensors)": StartFormat(
        _with_ending(*TORCH_ENDINGS), peers.start_values
    ),
}
"""Kinds of published weights, by what people call them."""


def load_start(model: nn.Module, path: Path) -> list[str]:
    """Fill a model's encoder, and what else the file has for it, in place.

    The encoder is taken whole. Of the head each layer is taken that the model has in the same
    size; the others stay as they were drawn. For a model of other than three channels the first
    convolution is spread over them, see `atrous.weights.input_channels`.

    Args:
        model: A `atrous.models.segmenter.Segmenter` with the encoder that the file is of.
        path: A model file of ours (see `atrous.weights.from_ours`), or one of `START_FORMATS`.

    Returns:
        Names of the batch norms whose statistics were folded into the convolutions; give them to
        `unfold_norms` before training.

    Raises:
        WeightsError: If the file is unknown, damaged, or its encoder is another one.
    """
    if _is_model_of_ours(path):
        return fill_from_ours(model, path)
    found, kind = _find_format(path)
    encoder, values = kind.read(found)
    refuse_not_finite(values, where=str(found))
    check_family(model, encoder, found)
    state = model.state_dict()
    # A last convolution that only a classifier of whole pictures needs.
    values = {
        name: value
        for name, value in values.items()
        if name in state or not name.startswith("encoder.last.")
    }
    values = fit_input_channels(values, state)
    # Of norms that were folded into the convolutions only a bias is left.
    folded = not any(name.endswith("norm.running_var") for name in values)
    _check_encoder(values, state, encoder=encoder, folded=folded, path=found)
    taken = {
        name: torch.from_numpy(np.ascontiguousarray(value))
        for name, value in _that_fit(values, state).items()
    }
    norms = fold_norms(model, taken) if folded else []
    model.load_state_dict(state | taken)
    return norms


def encoder_of(path: Path) -> str | None:
    """The encoder that weights to start from are of, as in `atrous.encoders.ENCODERS`.

    Returns:
        Its name; None if a model file of ours says nothing of it.

    Raises:
        WeightsError: If the file is unknown or damaged.
    """
    if not _is_model_of_ours(path):
        found, kind = _find_format(path)
        return kind.read(found)[0]
    name = card_of(path).architecture.get("encoder")
    return name if isinstance(name, str) else None


def _is_model_of_ours(path: Path) -> bool:
    return path.suffix in OUR_ENDINGS and (path.suffix != ".safetensors" or is_ours(path))


def _find_format(path: Path) -> tuple[Path, StartFormat]:
    """The file that a path means, and what kind it is of."""
    for kind in START_FORMATS.values():
        found = kind.find(path)
        if found is not None:
            return found, kind
    known = ", ".join((*OUR_ENDINGS, *START_FORMATS))
    raise WeightsError(f"{path}: unknown kind of weights to start from; known: {known}")


def check_family(model: nn.Module, encoder: str, path: Path) -> None:
    """Refuse weights of an encoder of another family, whose tensors may have the same shapes.

    Raises:
        WeightsError: If ``encoder`` is of another family than the model's.
    """
    ours = model.get_submodule("encoder")
    with torch.device("meta"):
        theirs = ENCODERS[encoder]()
    if isinstance(ours, Encoder) and ours.family != theirs.family:
        raise WeightsError(
            f"{path}: these weights are for the encoder {encoder!r} ({theirs.family}), and the "
            f"model has one of another kind ({ours.family or type(ours).__name__})"
        )


def _that_fit(values: Values, state: Mapping[str, torch.Tensor]) -> Values:
    """Values of the layers that the model has, each in the same size."""
    strangers = {
        _layer(name)
        for name, value in values.items()
        if name not in state or tuple(state[name].shape) != value.shape
    }
    return {name: value for name, value in values.items() if _layer(name) not in strangers}


def _layer(name: str) -> str:
    """The layer that a tensor is of: a convolution and its norm belong together."""
    return re.sub(r"\.(conv|norm)?\.?[a-z_]+$", "", name)


def _check_encoder(
    values: Values,
    state: Mapping[str, torch.Tensor],
    *,
    encoder: str,
    folded: bool,
    path: Path,
) -> None:
    """Refuse values that are not those of the model's encoder, all of it."""
    for name, value in values.items():
        found = tuple(state[name].shape) if name in state else "nothing of that name"
        if name.startswith("encoder.") and found != value.shape:
            raise WeightsError(
                f"{path}: {name} has shape {value.shape}, the model has {found}; these weights "
                f"are for the encoder {encoder!r}"
            )
    rest = () if folded else ("norm.weight", "norm.running_mean", "norm.running_var")
    parts = ("conv.weight", "norm.bias", *rest)
    missing = [
        name
        for name in state
        if name.startswith("encoder.") and name.endswith(parts) and name not in values
    ]
    if missing:
        raise WeightsError(
            f"{path}: {len(missing)} tensors of the encoder {encoder!r} got no value; the "
            f"first are {', '.join(missing[:3])}"
        )
