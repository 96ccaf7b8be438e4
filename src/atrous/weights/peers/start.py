"""What other packages' files have for a new training: whole DeepLabs, and classifiers' encoders."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from atrous.errors import ConfigError, WeightsError
from atrous.weights.peers import PEERS, translate
from atrous.weights.peers.backbones import (
    detect_resnet,
    detect_timm_xception,
    legacy_xception_layers,
    mobilenetv2_layers,
    resnet_layers,
    timm_xception_layers,
)
from atrous.weights.rename import Values
from atrous.weights.torch_file import read_torch_file


@dataclass(frozen=True)
class Classifier:
    """A kind of classifiers of whole pictures, of which the encoder is taken."""

    mark: str
    """A tensor that tells the kind."""
    encoder: Callable[[Values], str]
    """Our name of the encoder."""
    layers: Callable[[str], Mapping[str, str]]
    """Our name of every convolution and norm, by the classifier's, for an encoder of ours."""
    head: tuple[str, ...] = ("fc.", "classifier.", "head.fc.", "last_linear.")
    """Beginnings of the names of what classifies; left out."""


CLASSIFIERS: Mapping[str, Classifier] = {
    "ResNet of torchvision and timm": Classifier(
        "layer1.0.conv1.weight",
        lambda values: detect_resnet(values, ""),
        lambda encoder: resnet_layers(encoder, ""),
    ),
    "MobileNetV2 of torchvision": Classifier(
        "features.1.conv.0.0.weight",
        lambda _: "mobilenetv2_torch_1280",
        lambda _: mobilenetv2_layers("features.{}".format),
    ),
    "aligned Xception of timm": Classifier(
        "blocks.0.stack.conv1.conv_dw.weight",
        lambda values: detect_timm_xception(values, ""),
        lambda encoder: timm_xception_layers(encoder, ""),
    ),
    "Xception of timm and Cadene": Classifier(
        "block12.rep.1.conv1.weight",
        lambda _: "xception",
        lambda _: legacy_xception_layers(),
    ),
}
"""By what people call them."""


def start_values(path: Path) -> tuple[str, Values]:
    """What a file has for a new training: its encoder, and its head if there is one.

    Args:
        path: A state dict of one of `atrous.weights.peers.PEERS` or of one of `CLASSIFIERS`.

    Returns:
        The encoder's name, and values by our names. A classifier of whole pictures is left out.

    Raises:
        WeightsError: If it is none of these, or a value has no place.
    """
    values = read_torch_file(path).values
    for name, peer in PEERS.items():
        if peer.recognize(values):
            try:
                network = peer.describe(values, None)
            except (WeightsError, ConfigError) as error:
                raise WeightsError(f"{path}: looks like {name}, but {error}") from None
            state = translate(values, network, where=str(path)).state
            return network.config.encoder, {key: value.numpy() for key, value in state.items()}
    for classifier in CLASSIFIERS.values():
        if classifier.mark in values:
            return _encoder_of(classifier, values, path)
    raise WeightsError(
        f"{path}: none of the networks that a training can start from, which are "
        f"{', '.join((*CLASSIFIERS, *PEERS))}; its first tensors are {sorted(values)[:3]}"
    )


def _encoder_of(classifier: Classifier, values: Values, path: Path) -> tuple[str, Values]:
    try:
        encoder = classifier.encoder(values)
    except WeightsError as error:
        raise WeightsError(f"{path}: {error}") from None
    layers = classifier.layers(encoder)
    wanted = [
        name
        for name in values
        if not name.startswith(classifier.head) and not name.endswith(".num_batches_tracked")
    ]
    found, homeless = {}, []
    for name in wanted:
        layer, _, leaf = name.rpartition(".")
        if layer in layers:
            found[f"{layers[layer]}.{leaf}"] = values[name]
        else:
            homeless.append(name)
    if homeless:
        raise WeightsError(
            f"{path}: looks like {encoder}, but {len(homeless)} of its values have no place there "
            f"(first: {homeless[:3]})"
        )
    return encoder, found
