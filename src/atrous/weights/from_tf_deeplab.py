"""The networks of the released TensorFlow DeepLab: which one a file holds, and its names in ours.

A variable's name is a scope and a leaf, such as ``aspp0`` and ``BatchNorm/gamma``. Scopes are
translated by a table that is made for the network found, leaves by one table for all. Every
variable must have a place and every tensor of ours a variable, or nothing is taken.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from atrous.encoders.resnet import ARCHITECTURES as RESNETS
from atrous.encoders.xception import ARCHITECTURES as XCEPTIONS
from atrous.errors import WeightsError
from atrous.models.build import build_model
from atrous.models.config import ModelConfig, OutputStride
from atrous.models.segmenter import Segmenter
from atrous.weights.unfold import fold_norms

Arrays = Mapping[str, NDArray[np.generic]]


def _dense(values: NDArray[np.generic]) -> NDArray[np.generic]:
    return values.transpose(3, 2, 0, 1)


def _depthwise(values: NDArray[np.generic]) -> NDArray[np.generic]:
    return values.transpose(2, 3, 0, 1)


def _as_is(values: NDArray[np.generic]) -> NDArray[np.generic]:
    return values


Leaves = Mapping[str, tuple[str, Callable[[NDArray[np.generic]], NDArray[np.generic]]]]
"""Our name of each leaf, and how its axes are turned."""

CHECKPOINT_LEAVES: Leaves = {
    "weights": ("conv.weight", _dense),
    "depthwise_weights": ("conv.weight", _depthwise),
    "biases": ("bias", _as_is),
    "BatchNorm/gamma": ("norm.weight", _as_is),
    "BatchNorm/beta": ("norm.bias", _as_is),
    "BatchNorm/moving_mean": ("norm.running_mean", _as_is),
    "BatchNorm/moving_variance": ("norm.running_var", _as_is),
}
"""Of a checkpoint, in TensorFlow's layouts."""

FOLDED_LEAVES: Leaves = {"weights": ("conv.weight", _as_is), "biases": ("norm.bias", _as_is)}
"""Of a graph whose norms were folded into the convolutions, in torch's layouts."""

_CLASSIFIER = "logits/semantic"

_OF_TRAINING = re.compile(
    r"global_step|beta[12]_power|.*/(Momentum|RMSProp(_\d)?|Adam(_\d)?|ExponentialMovingAverage)"
)
"""Variables that only the training had."""


@dataclass(frozen=True)
class Translated:
    """A checkpoint in our words."""

    config: ModelConfig
    """The network it was found to be."""
    state: dict[str, torch.Tensor]
    """A value for every tensor of that network, but for what folded norms lack."""
    skipped: int
    """Variables of the training that were left out."""


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
    places = _places(of_the_network, config.encoder, leaves)
    with torch.device("meta"):
        expected = build_model(config).state_dict()
    state: dict[str, torch.Tensor] = {}
    homeless: list[str] = []
    for name, value in of_the_network.items():
        ours, convert = places.get(name, ("", _as_is))
        turned = convert(value) if ours in expected else value
        if ours in expected and turned.shape == tuple(expected[ours].shape):
            state[ours] = torch.from_numpy(np.array(turned, np.float32, order="C"))
        else:
            homeless.append(f"{name} {list(value.shape)}")
    wanted = {name for name in expected if not name.endswith("num_batches_tracked")}
    if leaves is FOLDED_LEAVES:
        wanted = {name for name in wanted if not name.endswith(_FOLDED_AWAY)}
    unfilled = sorted(wanted - state.keys())
    if homeless or unfilled:
        raise WeightsError(
            f"{where}: looks like {config.encoder} with {config.decoder}, but "
            f"{len(homeless)} of its values have no place there (first: {homeless[:3]}) and "
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
    left_out = re.compile(rf"{_OF_TRAINING.pattern}|[^/]+/logits/(weights|biases)")
    wanted = {name: value for name, value in values.items() if not left_out.fullmatch(name)}
    places = _places(wanted, encoder, leaves)
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


_FOLDED_AWAY = ("norm.weight", "norm.running_mean", "norm.running_var")


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
    if "logits/semantic/biases" not in values:
        raise WeightsError(
            f"{where}: is {encoder} without a segmentation head (no logits/semantic); such "
            "checkpoints can only be what a training starts from"
        )
    branches = {int(match[1]) for name in values if (match := re.match(r"aspp([1-9])[_/]", name))}
    rates: tuple[int, ...] | None = None if branches == {1, 2, 3} else ()
    has_decoder = "decoder/feature_projection0/weights" in values
    plain = {"aspp1/weights", "decoder/decoder_conv0/decoder_conv0_1/weights"}
    is_resnet = encoder.startswith("resnet")
    return ModelConfig(
        encoder=encoder,
        decoder="deeplabv3plus" if has_decoder else "deeplabv3",
        num_classes=len(values["logits/semantic/biases"]),
        output_stride=output_stride,
        atrous_rates=rates,
        image_pooling="image_pooling/weights" in values,
        separable=not plain & values.keys(),
        multi_grid=(1, 2, 4) if is_resnet and encoder.endswith("_beta") else (1, 1, 1),
        align_corners=True,
        padding="same",
    )


def _unknown_network(values: Arrays, where: str) -> WeightsError:
    return WeightsError(
        f"{where}: none of the released DeepLab networks that are read (Xception-41, 65 and 71, "
        f"ResNet-18, 50 and 101, MobileNetV2); its first variables are {sorted(values)[:3]}"
    )


def _detect_encoder(values: Arrays) -> str | None:
    for name in values:
        if match := re.match(r"xception_(41|65|71)/", name):
            return f"xception{match[1]}"
        if match := re.match(r"resnet_v1_(18|50|101)/", name):
            beta = "_beta" if f"{match[0]}conv1_1/weights" in values else ""
            return f"resnet{match[1]}{beta}"
        if re.match(r"MobilenetV2/Conv/(BatchNorm/beta|biases)", name):
            return _MOBILENETS.get(len(values[name]))
    return None


_MOBILENETS = {
    32: "mobilenetv2",
    16: "mobilenetv2_050",
    11: "mobilenetv2_035",
    45: "mobilenetv2_140",
}
"""MobileNetV2 by the channels of its first convolution."""


# --- Names --------------------------------------------------------------------------------------


def _places(
    values: Arrays, encoder: str, leaves: Leaves
) -> dict[str, tuple[str, Callable[[NDArray[np.generic]], NDArray[np.generic]]]]:
    """Our name for each variable that has a place, and how its axes are turned."""
    scopes = encoder_scopes(encoder) | _HEAD
    # The classifier is a bare convolution, without the layer that has a norm.
    bare = {"conv.weight": "classifier.weight", "bias": "classifier.bias"}
    bare["norm.bias"] = "classifier.bias"
    places = {}
    for name in values:
        for leaf, (ours, convert) in leaves.items():
            scope = name.removesuffix(f"/{leaf}")
            if scope == name:
                continue
            if scope == _CLASSIFIER and ours in bare:
                places[name] = bare[ours], convert
            elif scope in scopes:
                places[name] = f"{scopes[scope]}.{ours}", convert
    return places


_HEAD: dict[str, str] = {
    "image_pooling": "decoder.aspp.image_pool",
    "concat_projection": "decoder.aspp.project",
    "decoder/feature_projection0": "decoder.reduce",
    **{f"aspp{branch}": f"decoder.aspp.branches.{branch}" for branch in range(4)},
    **{
        f"aspp{branch}_{half}": f"decoder.aspp.branches.{branch}.{half}"
        for branch in range(1, 4)
        for half in ("depthwise", "pointwise")
    },
    **{
        f"decoder/decoder_conv{conv}_{half}": f"decoder.fuse.{conv}.{half}"
        for conv in range(2)
        for half in ("depthwise", "pointwise")
    },
    **{
        f"decoder/decoder_conv0/decoder_conv0_{conv + 1}": f"decoder.fuse.{conv}" for conv in (0, 1)
    },
}
"""Scopes of ASPP and decoder; they have no prefix."""


def encoder_scopes(encoder: str) -> dict[str, str]:
    """TensorFlow's scope and our layer, for every convolution of an encoder."""
    if encoder.startswith("xception"):
        return _xception_scopes(encoder)
    if encoder.startswith("resnet"):
        return _resnet_scopes(encoder)
    return _mobilenetv2_scopes()


def _xception_scopes(encoder: str) -> dict[str, str]:
    prefix = f"xception_{encoder.removeprefix('xception')}"
    units = XCEPTIONS[encoder]
    scopes = {
        f"{prefix}/entry_flow/conv1_{index + 1}": f"encoder.root.{index}" for index in range(2)
    }
    middle = [index for index, unit in enumerate(units) if unit.skip == "sum"]
    for index in range(len(units)):
        if index < middle[0]:
            place = f"entry_flow/block{index + 1}/unit_1"
        elif index <= middle[-1]:
            place = f"middle_flow/block1/unit_{index - middle[0] + 1}"
        else:
            place = f"exit_flow/block{index - middle[-1]}/unit_1"
        scope, ours = f"{prefix}/{place}/xception_module", f"encoder.units.{index}"
        scopes[f"{scope}/shortcut"] = f"{ours}.shortcut"
        for conv in range(3):
            for half in ("depthwise", "pointwise"):
                scopes[f"{scope}/separable_conv{conv + 1}_{half}"] = f"{ours}.convs.{conv}.{half}"
    return scopes


def _resnet_scopes(encoder: str) -> dict[str, str]:
    name = encoder.removesuffix("_beta")
    prefix, design = f"resnet_v1_{name.removeprefix('resnet')}", RESNETS[encoder]
    kind, convs = ("bottleneck_v1", 3) if design.bottleneck else ("lite_bottleneck_v1", 2)
    if design.stem:
        scopes = {f"{prefix}/conv1_{index + 1}": f"encoder.root.{index}" for index in range(3)}
    else:
        scopes = {f"{prefix}/conv1": "encoder.root.0"}
    index = 0
    for block, units in enumerate(design.units):
        for unit in range(units):
            scope = f"{prefix}/block{block + 1}/unit_{unit + 1}/{kind}"
            scopes[f"{scope}/shortcut"] = f"encoder.units.{index}.shortcut"
            for conv in range(convs):
                scopes[f"{scope}/conv{conv + 1}"] = f"encoder.units.{index}.convs.{conv}"
            index += 1
    return scopes


def _mobilenetv2_scopes() -> dict[str, str]:
    scopes = {"MobilenetV2/Conv": "encoder.root"}
    for index in range(17):
        block = "MobilenetV2/expanded_conv" + (f"_{index}" if index else "")
        for part in ("expand", "depthwise", "project"):
            scopes[f"{block}/{part}"] = f"encoder.blocks.{index}.{part}"
    return scopes
