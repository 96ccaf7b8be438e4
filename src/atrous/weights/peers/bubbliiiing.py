"""bubbliiiing's deeplabv3-plus-pytorch: DeepLab V3+ on MobileNetV2 and Xception-65.

Every convolution of its head has a bias in front of its norm. Its Xception rectifies the input of
the middle flow's shortcuts in place, and its exit flow has one rate throughout.
"""

from atrous.models.config import OutputStride, model_config_from
from atrous.runtime.card import Preprocessing
from atrous.weights.peers.backbones import (
    check_rgb,
    mobilenetv2_layers,
)
from atrous.weights.peers.heads import aspp_turns, conv_layers, count_classes
from atrous.weights.peers.peer import Network, side
from atrous.weights.peers.xceptions import Separable, xception_layers
from atrous.weights.rename import Values

_PREPROCESSING = Preprocessing(mean=(0, 0, 0), std=(255, 255, 255), longest_side=512)
"""Pixels from 0 to 1, pictures fitted into 512 x 512."""


def recognize(values: Values) -> bool:
    """Whether a state dict is of one of its networks."""
    return "aspp.branch5_conv.weight" in values and "cls_conv.weight" in values


def describe(values: Values, output_stride: OutputStride | None) -> Network:
    """See `atrous.weights.peers.peer.Peer`."""
    channels = side(values, "aspp.conv_cat.0.weight")
    known, layers = _encoder(values)
    num_classes, turns = count_classes(values, "cls_conv")
    known |= {
        "decoder": "deeplabv3plus",
        "num_classes": num_classes,
        "output_stride": output_stride or 16,
        "decoder_channels": channels,
        "reduced_channels": side(values, "shortcut_conv.0.weight"),
        "separable": False,
        "align_corners": True,
    }
    head = _head_layers()
    biased = frozenset(theirs for theirs, ours in head.items() if ours.endswith(".conv"))
    return Network(
        model_config_from(known),
        layers | head | {"cls_conv": "classifier"},
        turns | aspp_turns(channels),
        biased=biased,
        preprocessing=_PREPROCESSING,
    )


def _head_layers() -> dict[str, str]:
    aspp, stage = "decoder.context", "decoder.stages.0"
    layers: dict[str, str] = {}
    for branch in range(4):
        theirs = f"aspp.branch{branch + 1}"
        layers |= conv_layers(f"{theirs}.0", f"{theirs}.1", f"{aspp}.branches.{branch}")
    layers |= conv_layers("aspp.branch5_conv", "aspp.branch5_bn", f"{aspp}.image_pool")
    layers |= conv_layers("aspp.conv_cat.0", "aspp.conv_cat.1", f"{aspp}.project")
    layers |= conv_layers("shortcut_conv.0", "shortcut_conv.1", f"{stage}.reduce")
    layers |= conv_layers("cat_conv.0", "cat_conv.1", f"{stage}.fuse.0")
    return layers | conv_layers("cat_conv.4", "cat_conv.5", f"{stage}.fuse.1")


def _encoder(values: Values) -> tuple[dict[str, object], dict[str, str]]:
    if "backbone.features.0.0.weight" in values:
        check_rgb(values, "backbone.features.0.0")
        layers = mobilenetv2_layers("backbone.features.{}".format, flat=True)
        return {"encoder": "mobilenetv2_torch"}, layers
    check_rgb(values, "backbone.conv1")
    known = {"encoder": "xception65_rectified_sums", "rate_change": "after_stage"}
    return dict(known), xception_layers("backbone.", _convs, _exit)


def _convs(_: int, conv: int) -> Separable:
    return _separable(f"sepconv{conv + 1}")


def _exit(conv: int) -> Separable:
    return _separable(f"conv{conv}")


def _separable(conv: str) -> Separable:
    return f"{conv}.depthwise", f"{conv}.bn1", f"{conv}.pointwise", f"{conv}.bn2"
