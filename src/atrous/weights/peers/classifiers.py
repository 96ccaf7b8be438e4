"""Classifiers of whole pictures of torchvision, timm and Cadene, in ours."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from atrous.errors import ConfigError, WeightsError
from atrous.models.classifier import Classifier, build_classifier
from atrous.models.config import ClassifierConfig, classifier_config_from
from atrous.runtime.card import Preprocessing
from atrous.weights.formats.contents import refuse_not_finite
from atrous.weights.formats.torch_file import read_torch_file
from atrous.weights.peers.backbones import (
    detect_resnet,
    mobilenetv2_layers,
    resnet_layers,
)
from atrous.weights.peers.peer import IMAGENET, side
from atrous.weights.peers.xceptions import (
    detect_timm_xception,
    legacy_xception_layers,
    timm_xception_layers,
)
from atrous.weights.rename import Values


@dataclass(frozen=True)
class ClassifierKind:
    """A kind of classifiers whose files are read."""

    mark: str
    """A tensor that tells the kind."""
    encoder: Callable[[Values], str]
    """Our name of the encoder."""
    layers: Callable[[str], Mapping[str, str]]
    """Our name of every convolution and norm, by the classifier's, for an encoder of ours."""
    heads: tuple[str, ...]
    """Names that the last layer may have."""
    preprocessing: Preprocessing
    """From a picture to what the network reads."""
    epsilons: tuple[float, float] | None = None
    """Of its norms and of ours, where they differ."""


_FROM_0_TO_224 = IMAGENET.model_copy(update={"center_crop": 224})
_FROM_MINUS_1_TO_299 = Preprocessing(center_crop=299)

CLASSIFIERS: Mapping[str, ClassifierKind] = {
    "ResNet of torchvision and timm": ClassifierKind(
        "layer1.0.conv1.weight",
        lambda values: detect_resnet(values, ""),
        lambda encoder: resnet_layers(encoder, ""),
        ("fc",),
        _FROM_0_TO_224,
    ),
    "MobileNetV2 of torchvision": ClassifierKind(
        "features.1.conv.0.0.weight",
        lambda _: "mobilenetv2_torch_1280",
        lambda _: mobilenetv2_layers("features.{}".format),
        ("classifier.1",),
        _FROM_0_TO_224,
    ),
    "aligned Xception of timm": ClassifierKind(
        "blocks.0.stack.conv1.conv_dw.weight",
        lambda values: detect_timm_xception(values, ""),
        lambda encoder: timm_xception_layers(encoder, ""),
        ("head.fc",),
        _FROM_MINUS_1_TO_299,
    ),
    "Xception of timm and Cadene": ClassifierKind(
        "block12.rep.1.conv1.weight",
        lambda _: "xception",
        lambda _: legacy_xception_layers(),
        ("fc", "last_linear"),
        _FROM_MINUS_1_TO_299,
        epsilons=(1e-5, 1e-3),
    ),
}
"""By what people call them."""


def find_kind(values: Values) -> ClassifierKind | None:
    """The kind of classifier that a state dict is of; None if it is of none."""
    return next((kind for kind in CLASSIFIERS.values() if kind.mark in values), None)


def encoder_values(kind: ClassifierKind, values: Values) -> tuple[str, dict[str, np.ndarray]]:
    """The encoder of a classifier, without what classifies.

    Returns:
        The encoder's name, and its values by our names.

    Raises:
        WeightsError: If the encoder is none of ours, a value has no place in it, or norms have no
            statistics.
    """
    encoder = kind.encoder(values)
    layers = kind.layers(encoder)
    found: dict[str, np.ndarray] = {}
    homeless = []
    for name, value in values.items():
        layer, _, leaf = name.rpartition(".")
        if layer in layers and leaf != "num_batches_tracked":
            found[f"{layers[layer]}.{leaf}"] = value
        elif layer not in layers and layer not in kind.heads:
            homeless.append(name)
    if homeless:
        raise WeightsError(
            f"looks like {encoder}, but {len(homeless)} of its values have no place there "
            f"(first: {homeless[:3]})"
        )
    if not any(name.endswith("norm.running_var") for name in found):
        raise WeightsError(f"looks like {encoder}, but has no statistics of its norms")
    return encoder, _for_our_epsilon(found, kind.epsilons) if kind.epsilons else found


def load_peer_classifier(path: Path) -> tuple[Classifier, ClassifierConfig, Preprocessing]:
    """Build the classifier that a state dict is of, with its weights, in evaluation mode.

    Raises:
        WeightsError: If the file cannot be read, or is not one of `CLASSIFIERS` as a whole.
    """
    values = read_torch_file(path).values
    kind = find_kind(values)
    if kind is None:
        raise WeightsError(
            f"{path}: none of the classifiers that are read, which are {', '.join(CLASSIFIERS)}; "
            f"its first tensors are {sorted(values)[:3]}"
        )
    head = next((name for name in kind.heads if f"{name}.bias" in values), kind.heads[0])
    try:
        encoder, found = encoder_values(kind, values)
        num_classes = side(values, f"{head}.bias")
        config = classifier_config_from({"encoder": encoder, "num_classes": num_classes})
    except (WeightsError, ConfigError) as error:
        raise WeightsError(f"{path}: {error}") from None
    refuse_not_finite(found, where=str(path))
    for leaf in ("weight", "bias"):
        if f"{head}.{leaf}" in values:
            found[f"classifier.{leaf}"] = values[f"{head}.{leaf}"]
    model = build_classifier(config)
    state = model.state_dict()
    wanted = {name for name in state if not name.endswith("num_batches_tracked")}
    misfits = sorted(
        name
        for name in wanted | found.keys()
        if name not in wanted or name not in found or found[name].shape != tuple(state[name].shape)
    )
    if misfits:
        raise WeightsError(
            f"{path}: looks like {encoder}, but {len(misfits)} tensors do not fit it "
            f"(first: {misfits[:3]})"
        )
    model.load_state_dict(state | {name: torch.from_numpy(found[name]) for name in found})
    return model.eval(), config, kind.preprocessing


def _for_our_epsilon(
    values: dict[str, np.ndarray], epsilons: tuple[float, float]
) -> dict[str, np.ndarray]:
    """Scale norms so that they compute with our epsilon what they did with another."""
    theirs, ours = epsilons
    scaled = dict(values)
    for name, variance in values.items():
        weight = name.removesuffix("running_var") + "weight"
        if name.endswith("norm.running_var") and weight in values:
            ratio = (np.float64(ours) + variance) / (np.float64(theirs) + variance)
            if ratio.shape == values[weight].shape:
                scaled[weight] = (values[weight] * np.sqrt(ratio)).astype(np.float32)
    return scaled
