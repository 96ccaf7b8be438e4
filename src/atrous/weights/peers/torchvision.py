"""torchvision: DeepLab V3 on ResNet-50 and 101 at output stride 8, on MobileNetV3 at 16.

There ASPP has the rates 12, 24 and 36 in all of them.
"""

from atrous.models.config import OutputStride, model_config_from
from atrous.weights.peers.backbones import (
    check_rgb,
    detect_resnet,
    mobilenetv3_layers,
    resnet_layers,
)
from atrous.weights.peers.heads import aspp_layers, aspp_turns, conv_layers, count_classes
from atrous.weights.peers.peer import IMAGENET, Network, side
from atrous.weights.rename import Values

_ASPP = "classifier.0"
_MOBILENETV3 = "backbone.0.0.weight"
_LONGEST_SIDE = 520 * 4 // 3
"""Its pictures have a shortest side of 520; as photos of 4:3 they are so long."""


def recognize(values: Values) -> bool:
    """Whether a state dict is of one of its DeepLabs."""
    backbones = ("backbone.conv1.weight", _MOBILENETV3)
    return f"{_ASPP}.project.0.weight" in values and any(name in values for name in backbones)


def describe(values: Values, output_stride: OutputStride | None) -> Network:
    """See `atrous.weights.peers.peer.Peer`."""
    known, layers = _encoder(values)
    channels = side(values, f"{_ASPP}.project.0.weight")
    num_classes, turns = count_classes(values, "classifier.4")
    known |= {
        "decoder": "deeplabv3",
        "num_classes": num_classes,
        "decoder_channels": channels,
        "separable": False,
        "aspp_convs": 1,
    }
    if output_stride is not None:
        known["output_stride"] = output_stride
    layers |= aspp_layers(_ASPP) | {"classifier.4": "classifier"}
    layers |= conv_layers("classifier.1", "classifier.2", "decoder.context.behind.0")
    return Network(
        model_config_from(known),
        layers,
        turns | aspp_turns(channels),
        left_out={"aux_classifier.": "an auxiliary classifier of the training"},
        preprocessing=IMAGENET.model_copy(update={"longest_side": _LONGEST_SIDE}),
    )


def _encoder(values: Values) -> tuple[dict[str, object], dict[str, str]]:
    if _MOBILENETV3 in values:
        check_rgb(values, "backbone.0.0")
        known: dict[str, object] = {
            "encoder": "mobilenetv3_large_torch",
            "output_stride": 16,
            "rate_change": "at_unit",
            "atrous_rates": (12, 24, 36),
        }
        return known, mobilenetv3_layers("backbone.")
    check_rgb(values, "backbone.conv1")
    encoder = detect_resnet(values, "backbone.")
    return {"encoder": encoder, "output_stride": 8}, resnet_layers(encoder, "backbone.")
