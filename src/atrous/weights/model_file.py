"""A torch model as one self-describing safetensors file."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes

from atrous.errors import ConfigError, WeightsError
from atrous.imaging import write_file
from atrous.models.build import build_model
from atrous.models.classifier import Classifier, build_classifier
from atrous.models.config import classifier_config_from, model_config_from
from atrous.models.segmenter import Segmenter
from atrous.runtime.card import CARD_KEY, ModelCard, read_card

Network = TypeVar("Network", bound=torch.nn.Module)


def save_model(
    path: Path, model: torch.nn.Module, card: ModelCard, *, overwrite: bool = False
) -> None:
    """Write weights and card to one ``.safetensors`` file.

    Raises:
        ResourceError: If the file is there and ``overwrite`` is false, or cannot be written.
    """
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    content = to_bytes(state, metadata={CARD_KEY: card.to_json()})
    write_file(path, lambda file: file.write(content), overwrite=overwrite)


def load_model(path: Path) -> tuple[Segmenter, ModelCard]:
    """Read a model that `save_model` wrote, in evaluation mode.

    Raises:
        WeightsError: If the file is missing, damaged, or its tensors do not fit its card.
    """
    return _load(path, "segmentation", lambda values: build_model(model_config_from(values)))


def load_classifier_model(path: Path) -> tuple[Classifier, ModelCard]:
    """Read a classifier that `save_model` wrote, in evaluation mode.

    Raises:
        WeightsError: If the file is missing, damaged, or its tensors do not fit its card.
    """
    return _load(
        path, "classification", lambda values: build_classifier(classifier_config_from(values))
    )


def _load(
    path: Path, task: str, build: Callable[[Mapping[str, Any]], Network]
) -> tuple[Network, ModelCard]:
    if not path.is_file():
        raise WeightsError(f"{path}: no such model file")
    try:
        with safe_open(path, framework="pt") as file:
            card = read_card((file.metadata() or {}).get(CARD_KEY), where=str(path))
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path}: not a whole safetensors file ({error})") from None
    if card.task != task:
        other = "atrous.load_classifier" if card.task == "classification" else "atrous.load"
        raise WeightsError(f"{path}: is a model for {card.task}, not {task}; read it with {other}")
    try:
        with torch.device("meta"):  # without memory, until the file is known to fill it
            expected = build(card.architecture).state_dict()
    except (ConfigError, RuntimeError) as error:
        raise WeightsError(f"{path}: its architecture cannot be built ({error})") from None
    misfits = sorted(
        name
        for name in state.keys() | expected.keys()
        if name not in state or name not in expected or state[name].shape != expected[name].shape
    )
    if misfits:
        raise WeightsError(
            f"{path}: {len(misfits)} tensors do not fit the architecture it names; the first are "
            f"{', '.join(misfits[:5])}"
        )
    channels = card.architecture.get("in_channels", 3)
    if card.preprocessing.kind.channels != channels:
        raise WeightsError(
            f"{path}: its network reads {channels} channels, and its mean and std are those of "
            f"{card.preprocessing.kind.channels}; the file is damaged, export it again"
        )
    model = build(card.architecture)
    model.load_state_dict(state)
    return model.eval(), card
