"""The networks of the released TensorFlow DeepLab: which one a file holds, and its names in ours.

A variable's name is a scope and a leaf, such as ``aspp0`` and ``BatchNorm/gamma``. Scopes are
translated by the tables of `atrous.weights.tf_layers`, leaves by one table for all. Every variable
must have a place and every tensor of ours a variable, or nothing is taken.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from atrous.encoders import ENCODERS
from atrous.errors import WeightsError
from atrous.models.build import build_model
from atrous.models.config import ModelConfig, OutputStride, model_config_from
from atrous.models.segmenter import Segmenter
from atrous.weights.formats.leaves import CHECKPOINT_LEAVES, FOLDED_LEAVES, Leaves, as_is
from atrous.weights.tf_layers import encoder_layers, head_layers
from atrous.weights.translated import Translated
from atrous.weights.unfold import FOLDED_AWAY, fold_norms

Arrays = Mapping[str, NDArray[np.generic]]


_OF_TRAINING = re.compile(
    r"global_step|beta[12]_power|.*/(Momentum|RMSProp(_\d)?|Adam(_\d)?|ExponentialMovingAverage)"
)
"""Variables that only the training had."""


def translate(
    values: Arrays, *, output_stride: OutputStride, where: str, leaves: Leaves = CHECKPOINT_LEAVES
) -> Translated:
    """Find out which network a checkpoint is, and bring its values into our names and layouts.

    Args:
        values: Variables by TensorFlow's names.
        output_stride: Stride to build the network for; the weights are the same for all.
        where: The file, for messages.
        leaves: How the file names and lays out the parts of a layer.

    Raises:
        WeightsError: If it is none of the released networks, or a value has no place in it or a
            tensor of ours no value.
    """
    of_the_network = {
        name: value for name, value in values.items() if not _OF_TRAINING.fullmatch(name)
    }
    config = detect(of_the_network, output_stride=output_stride, where=where)
    places = _places(of_the_network, config, leaves)
    with torch.device("meta"):
        expected = build_model(config).state_dict()
    state: dict[str, torch.Tensor] = {}
    homeless: list[tuple[bool, str]] = []
    for name, value in of_the_network.items():
        ours, convert = places.get(name, ("", as_is))
        fits = ours in expected and value.ndim == expected[ours].ndim
        turned = convert(value) if fits else value
        if fits and turned.shape == tuple(expected[ours].shape):
            state[ours] = torch.from_numpy(np.array(turned, np.float32, order="C"))
        else:
            strange = ours not in expected
            homeless.append((not strange, f"{name} {list(value.shape)}"))
    wanted = {name for name in expected if not name.endswith("num_batches_tracked")}
    if leaves is FOLDED_LEAVES:
        wanted = {name for name in wanted if not name.endswith(FOLDED_AWAY)}
    unfilled = sorted(wanted - state.keys())
    if homeless or unfilled:
        first = [words for _, words in sorted(homeless)[:3]]  # strange names before wrong shapes
        raise WeightsError(
            f"{where}: looks like {config.encoder} with {config.decoder}, but "
            f"{len(homeless)} of its values have no place there (first: {first}) and "
            f"{len(unfilled)} of our tensors got no value (first: {unfilled[:3]})"
        )
    return Translated(config, state, len(values) - len(of_the_network))


def start_values(
    values: Arrays, *, leaves: Leaves, where: str
) -> tuple[str, dict[str, NDArray[np.float32]]]:
    """What a checkpoint has for a new training: its encoder, and its head if there is one.

    Args:
        values: Variables by TensorFlow's names.
        leaves: How the file names and lays out the parts of a layer.
        where: The file, for messages.

    Returns:
        The encoder's name, and values by our names. An ImageNet classifier is left out.

    Raises:
        WeightsError: If it is none of the released networks, or a value has no place.
    """
    encoder = _detect_encoder(values)
    if encoder is None:
        raise _unknown_network(values, where)
    wanted = {name: value for name, value in values.items() if not _NOT_TO_START.fullmatch(name)}
    places = _places(wanted, _describe(wanted, encoder, output_stride=16), leaves)
    homeless = sorted(wanted.keys() - places.keys())
    if homeless:
        raise WeightsError(
            f"{where}: looks like {encoder}, but {len(homeless)} of its values have no place there "
            f"(first: {homeless[:3]})"
        )
    found = {}
    for name, (ours, convert) in places.items():
        found[ours] = np.array(convert(wanted[name]), np.float32, order="C")
    return encoder, found


_NOT_TO_START = re.compile(
    rf"{_OF_TRAINING.pattern}|[^/]+/logits/(weights|biases)|MobilenetV2/(Conv_1|Logits)/.*"
)
"""What a new training leaves behind: the same, and a classifier of whole pictures."""


def fill(translated: Translated) -> Segmenter:
    """Build the network of a translation with its values, in evaluation mode.

    Norms that were folded into the convolutions add their bias and nothing else.
    """
    model = build_model(translated.config)
    state = dict(translated.state)
    fold_norms(model, state)
    model.load_state_dict(model.state_dict() | state)
    return model.eval()


# --- Which network ------------------------------------------------------------------------------


def detect(values: Arrays, *, output_stride: OutputStride, where: str) -> ModelConfig:
    """The network that has these variables.

    Raises:
        WeightsError: If it is none of the released ones, or has no segmentation head.
    """
    encoder = _detect_encoder(values)
    if encoder is None:
        raise _unknown_network(values, where)
    config = _describe(values, encoder, output_stride=output_stride)
    if _num_classes(values) is None:
        raise WeightsError(
            f"{where}: is {encoder} without a segmentation head (no logits/semantic); such "
            "checkpoints can only be what a training starts from"
        )
    return config


def _describe(values: Arrays, encoder: str, *, output_stride: OutputStride) -> ModelConfig:
    """The config of a network whose encoder is known, by the names and widths of its head."""
    decoder = _detect_decoder(values)
    widest = ("concat_projection", "meta_architecture/concat_projection", "aspp0")
    width = next((found for scope in widest if (found := _width(values, scope))), None)
    known: dict[str, object] = {
        "encoder": encoder,
        "decoder": decoder,
        "num_classes": _num_classes(values) or 2,
        "output_stride": output_stride,
        "decoder_channels": width,
        "align_corners": True,
        "padding": "same",
        "multi_grid": (1, 2, 4) if encoder in _WITH_MULTI_GRID else None,
    }
    if decoder == "lraspp":
        # As the released checkpoints were trained; neither names nor shapes tell.
        known |= {"image_pooling_crop_size": (769, 769), "image_pooling_stride": (4, 5)}
        known["decoder_strides"] = _decoder_strides(values, encoder)
    else:
        known |= _describe_context(values)
    if decoder == "deeplabv3plus":
        known |= _describe_decoder(values, encoder)
        known["aspp_channels"] = width if width != known["decoder_channels"] else None
    return model_config_from({key: value for key, value in known.items() if value is not None})


_WITH_MULTI_GRID = ("resnet50_beta", "resnet101_beta")
"""Encoders whose public checkpoints were trained with it; neither names nor shapes tell."""


def _detect_decoder(values: Arrays) -> Literal["deeplabv3plus", "deeplabv3", "lraspp"]:
    scope = "decoder/decoder_conv0"
    if f"{scope}/biases" in values or f"{scope}/weights" in values:
        return "lraspp"
    return "deeplabv3plus" if _has(values, "decoder/feature_projection0") else "deeplabv3"


def _describe_context(values: Arrays) -> dict[str, object]:
    if _has(values, "meta_architecture/concat_projection"):
        return {"context": "dpc"}
    branches = {int(match[1]) for name in values if (match := re.match(r"aspp([1-9])[_/]", name))}
    return {
        "atrous_rates": None if branches == {1, 2, 3} else (),
        "image_pooling": _has(values, "image_pooling"),
        "separable": not _has(values, "aspp1"),
    }


def _describe_decoder(values: Arrays, encoder: str) -> dict[str, object]:
    plain, plain_context = _has(values, "decoder/decoder_conv0"), _has(values, "aspp1")
    last = "decoder_conv0/decoder_conv0_2" if plain else "decoder_conv1_pointwise"
    return {
        "decoder_separable": not plain if plain != plain_context else None,
        "decoder_channels": _width(values, f"decoder/{last}"),
        "reduced_channels": _width(values, "decoder/feature_projection0"),
        "decoder_strides": _decoder_strides(values, encoder),
    }


def _decoder_strides(values: Arrays, encoder: str) -> tuple[int, ...] | None:
    """Strides of the fine maps that the decoder joins, told by their channels."""
    with torch.device("meta"):
        specs = ENCODERS[encoder](output_stride=32).feature_specs[:-1]
    by_channels = {spec.channels: spec.stride for spec in specs}
    strides = []
    for scope in ("decoder/feature_projection0", "decoder/feature_projection0_1"):
        if f"{scope}/weights" in values:
            channels = values[f"{scope}/weights"].size // (_width(values, scope) or 1)
            strides.append(by_channels.get(channels))
    return tuple(stride for stride in strides if stride) or None


def _num_classes(values: Arrays) -> int | None:
    light = _detect_decoder(values) == "lraspp"
    scope = "decoder/decoder_conv0" if light else "logits/semantic"
    kernel = values.get(f"{scope}/weights", np.empty(()))
    width, sides = _width(values, scope), [side for side in kernel.shape if side > 1]
    if width and (width in sides or not sides):
        return width
    # The kernel and the bias do not agree; one of them is wrong, and will be named.
    return min(sides, default=None)


def _has(values: Arrays, scope: str) -> bool:
    return any(name.startswith(f"{scope}/") for name in values)


def _width(values: Arrays, scope: str) -> int | None:
    """Channels that a layer gives, as most of its one-dimensional values have them."""
    leaves = [f"BatchNorm/{part}" for part in ("beta", "gamma", "moving_mean", "moving_variance")]
    found = (values.get(f"{scope}/{leaf}") for leaf in (*leaves, "biases"))
    lengths = Counter(len(value) for value in found if value is not None and value.ndim == 1)
    return max(lengths, key=lengths.__getitem__, default=None)


def _unknown_network(values: Arrays, where: str) -> WeightsError:
    return WeightsError(
        f"{where}: none of the released DeepLab networks that are read (Xception-41, 65 and 71, "
        "ResNet-18, 50 and 101, MobileNetV2, MobileNetV3 large and small); its first variables are "
        f"{sorted(values)[:3]}"
    )


def _detect_encoder(values: Arrays) -> str | None:
    for name in values:
        if match := re.match(r"xception_(41|65|71)/", name):
            return f"xception{match[1]}"
        if match := re.match(r"resnet_v1_(18|50|101)/", name):
            beta = "_beta" if _has(values, f"{match[0]}conv1_1") else ""
            return f"resnet{match[1]}{beta}"
        if name.startswith("MobilenetV2/"):
            return _MOBILENETS_V2.get(_width(values, "MobilenetV2/Conv") or 0)
        if name.startswith("MobilenetV3/"):
            large = "MobilenetV3/expanded_conv_14/project/weights" in values
            return "mobilenetv3_large_seg" if large else "mobilenetv3_small_seg"
    return None


_MOBILENETS_V2 = {
    11: "mobilenetv2_035",
    16: "mobilenetv2_050",
    24: "mobilenetv2_075",
    32: "mobilenetv2",
    42: "mobilenetv2_130",
    45: "mobilenetv2_140",
}
"""MobileNetV2 by the channels of its first convolution."""


# --- Names --------------------------------------------------------------------------------------


def _places(
    values: Arrays, config: ModelConfig, leaves: Leaves
) -> dict[str, tuple[str, Callable[[NDArray[np.generic]], NDArray[np.generic]]]]:
    """Our name for each variable that has a place, and how its axes are turned."""
    layers = encoder_layers(config.encoder) | head_layers(config)
    places = {}
    for name in values:
        for leaf, (ours, convert) in leaves.items():
            layer = layers.get(name.removesuffix(f"/{leaf}"))
            if layer is not None and layer.bare:
                places[name] = f"{layer.name}.{_BARE.get(ours, ours)}", convert
            elif layer is not None:
                places[name] = f"{layer.name}.{ours}", convert
    return places


_BARE = {"conv.weight": "weight", "norm.bias": "bias"}
"""Parts of a convolution that has a bias of its own."""
