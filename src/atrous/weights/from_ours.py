"""Start a training from a model of ours: a run's, an exported one, or the shipped one."""

from pathlib import Path

from torch import nn

from atrous.encoders import Encoder
from atrous.errors import WeightsError
from atrous.runtime.card import ModelCard
from atrous.weights.formats.safetensors_card import read_safetensors_card
from atrous.weights.from_onnx import folded_norms, load_onnx_model
from atrous.weights.input_channels import spread_input_channels
from atrous.weights.model_file import load_classifier_model, load_model

OUR_ENDINGS = (".onnx", ".safetensors")
"""Endings of model files of ours."""


def card_of(path: Path) -> ModelCard:
    """What a model file of ours says of itself.

    Raises:
        WeightsError: If the file is missing or damaged.
    """
    return load_ours(path)[1]


def fill_from_ours(model: nn.Module, path: Path) -> list[str]:
    """Fill a model from a model file of ours, in place.

    The encoder must fit, but for the channels of its first convolution, which is spread over
    those of the model. Decoder and classifier are taken where all their tensors fit, and are
    left as drawn otherwise: another number of classes needs a new classifier. Of a classifier of
    whole pictures the encoder is taken.

    Args:
        model: A `atrous.models.segmenter.Segmenter`.
        path: An ``.onnx`` or ``.safetensors`` file.

    Returns:
        Names of the batch norms whose statistics were folded into the convolutions; give them to
        `atrous.weights.unfold.unfold_norms` before training.

    Raises:
        WeightsError: If the file is missing or damaged, or its encoder is another one.
    """
    from_onnx = path.suffix == ".onnx"
    source, card = load_ours(path)
    folded = set(folded_norms(source)) if from_onnx else set()
    filled: list[str] = []
    parts = dict(source.named_children())
    if card.task == "classification":
        parts = {"encoder": parts["encoder"]}  # the rest sees no maps
    for part, ours in model.named_children():
        if part not in parts:
            continue
        module = parts[part]
        theirs, state = module.state_dict(), ours.state_dict()
        if part == "encoder":
            theirs = spread_input_channels(theirs, state)
        fits = theirs.keys() == state.keys() and all(
            theirs[name].shape == state[name].shape for name in state
        )
        if isinstance(module, Encoder) and isinstance(ours, Encoder):
            fits = fits and module.family == ours.family
        if fits:
            ours.load_state_dict(theirs)
            filled += [name for name in folded if name.startswith(f"{part}.")]
        elif part == "encoder":
            raise WeightsError(
                f"{path}: its encoder is {card.architecture.get('encoder')!r} and does not fit the "
                "model that is to be trained; choose that encoder in the recipe"
            )
    return sorted(filled)


def load_ours(path: Path) -> tuple[nn.Module, ModelCard]:
    """The network of a model file of ours in torch, and its card.

    Raises:
        WeightsError: If the file is missing or damaged.
    """
    if path.suffix == ".onnx":
        return load_onnx_model(path)
    if path.is_file() and read_safetensors_card(path).task == "classification":
        return load_classifier_model(path)
    return load_model(path)
