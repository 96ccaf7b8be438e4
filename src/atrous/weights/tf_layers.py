"""Where the layers of the released TensorFlow DeepLab are in our networks.

A variable's name is a scope and a leaf, such as ``aspp0`` and ``BatchNorm/gamma``; these are the
scopes.
"""

from typing import NamedTuple

from atrous.encoders.mobilenetv3 import ARCHITECTURES as MOBILENETS_V3
from atrous.encoders.resnet import ARCHITECTURES as RESNETS
from atrous.encoders.xception import ARCHITECTURES as XCEPTIONS
from atrous.models.config import ModelConfig


class Layer(NamedTuple):
    """A layer of ours."""

    name: str
    bare: bool = False
    """A convolution with a bias, not one with a norm."""


def encoder_layers(encoder: str) -> dict[str, Layer]:
    """TensorFlow's scope and our layer, for every convolution of an encoder."""
    if encoder.startswith("xception"):
        return _xception(encoder)
    if encoder.startswith("resnet"):
        return _resnet(encoder)
    if encoder.startswith("mobilenetv3"):
        return _mobilenetv3(encoder)
    return _mobilenetv2()


def head_layers(config: ModelConfig) -> dict[str, Layer]:
    """TensorFlow's scope and our layer, for every convolution behind the encoder.

    Their scopes have no prefix.
    """
    if config.decoder == "lraspp":
        return {
            "image_pooling": Layer("decoder.weigh", bare=True),
            "aspp0": Layer("decoder.project"),
            "decoder/decoder_conv0": Layer("decoder.deep_classifier", bare=True),
            "decoder/feature_projection0": Layer("decoder.low_level_classifier", bare=True),
        }
    layers = {"logits/semantic": Layer("classifier", bare=True)}
    layers |= _dense_prediction_cell() if config.context == "dpc" else _aspp()
    if config.decoder == "deeplabv3plus":
        for stage in range(len(config.decoder_strides)):
            layers |= _decoder_stage(stage)
    return layers


def _xception(encoder: str) -> dict[str, Layer]:
    prefix = f"xception_{encoder.removeprefix('xception')}"
    units = XCEPTIONS[encoder]
    layers = {
        f"{prefix}/entry_flow/conv1_{index + 1}": Layer(f"encoder.root.{index}")
        for index in range(2)
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
        layers[f"{scope}/shortcut"] = Layer(f"{ours}.shortcut")
        for conv in range(3):
            layers |= _halves(f"{scope}/separable_conv{conv + 1}", f"{ours}.convs.{conv}")
    return layers


def _resnet(encoder: str) -> dict[str, Layer]:
    name = encoder.removesuffix("_beta")
    prefix, design = f"resnet_v1_{name.removeprefix('resnet')}", RESNETS[encoder]
    kind, convs = ("bottleneck_v1", 3) if design.bottleneck else ("lite_bottleneck_v1", 2)
    roots = ("conv1_1", "conv1_2", "conv1_3") if design.stem else ("conv1",)
    layers = {f"{prefix}/{root}": Layer(f"encoder.root.{n}") for n, root in enumerate(roots)}
    index = 0
    for block, units in enumerate(design.units):
        for unit in range(units):
            scope = f"{prefix}/block{block + 1}/unit_{unit + 1}/{kind}"
            layers[f"{scope}/shortcut"] = Layer(f"encoder.units.{index}.shortcut")
            for conv in range(convs):
                ours = f"encoder.units.{index}.convs.{conv}"
                layers[f"{scope}/conv{conv + 1}"] = Layer(ours)
            index += 1
    return layers


def _mobilenetv2() -> dict[str, Layer]:
    layers = {"MobilenetV2/Conv": Layer("encoder.root")}
    for index in range(17):
        block = _numbered("MobilenetV2/expanded_conv", index)
        for part in ("expand", "depthwise", "project"):
            layers[f"{block}/{part}"] = Layer(f"encoder.blocks.{index}.{part}")
    return layers


def _mobilenetv3(encoder: str) -> dict[str, Layer]:
    layers = {
        "MobilenetV3/Conv": Layer("encoder.root"),
        "MobilenetV3/Conv_1": Layer("encoder.last"),
    }
    size = encoder.removeprefix("mobilenetv3_").removesuffix("_seg")
    for index in range(len(MOBILENETS_V3[size])):
        block, ours = _numbered("MobilenetV3/expanded_conv", index), f"encoder.blocks.{index}"
        for part in ("expand", "depthwise", "project"):
            layers[f"{block}/{part}"] = Layer(f"{ours}.{part}")
        for scope, part in (("Conv", "reduce"), ("Conv_1", "expand")):
            layers[f"{block}/squeeze_excite/{scope}"] = Layer(f"{ours}.squeeze.{part}", bare=True)
    return layers


def _aspp() -> dict[str, Layer]:
    layers = {
        "image_pooling": Layer("decoder.context.image_pool"),
        "concat_projection": Layer("decoder.context.project"),
    }
    for branch in range(4):
        layers[f"aspp{branch}"] = Layer(f"decoder.context.branches.{branch}")
        layers |= _halves(f"aspp{branch}", f"decoder.context.branches.{branch}")
    return layers


def _dense_prediction_cell() -> dict[str, Layer]:
    layers = {"meta_architecture/concat_projection": Layer("decoder.context.project")}
    for branch in range(5):
        scope = f"meta_architecture/branch{branch}"
        layers |= _halves(scope, f"decoder.context.branches.{branch}")
    return layers


def _decoder_stage(stage: int) -> dict[str, Layer]:
    """Of a stage: separable convolutions have a scope each, plain ones a numbered one in common."""
    ours = f"decoder.stages.{stage}"
    layers = {
        _numbered("decoder/feature_projection0", stage): Layer(f"{ours}.reduce"),
    }
    plain = _numbered("decoder_conv0", stage)
    for conv in range(2):
        layers |= _halves(_numbered(f"decoder/decoder_conv{conv}", stage), f"{ours}.fuse.{conv}")
        layers[f"decoder/{plain}/{plain}_{conv + 1}"] = Layer(f"{ours}.fuse.{conv}")
    return layers


def _halves(scope: str, ours: str) -> dict[str, Layer]:
    """The two halves of a separable convolution."""
    return {f"{scope}_{half}": Layer(f"{ours}.{half}") for half in ("depthwise", "pointwise")}


def _numbered(scope: str, index: int) -> str:
    """The first of several has no number."""
    return f"{scope}_{index}" if index else scope
