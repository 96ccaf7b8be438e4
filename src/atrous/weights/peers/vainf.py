"""VainF's DeepLabV3Plus-Pytorch: DeepLab V3 and V3+ on ResNet-50, 101 and MobileNetV2.

Its MobileNetV2 puts the border of a depthwise convolution around the block's input, and none around
the picture. In its decoder the low-level map comes before the context.
"""

from atrous.models.config import OutputStride, model_config_from
from atrous.weights.peers.backbones import (
    check_rgb,
    detect_resnet,
    mobilenetv2_layers,
    resnet_layers,
)
from atrous.weights.peers.heads import (
    aspp_layers,
    aspp_turns,
    conv_layers,
    count_classes,
    halves_of,
)
from atrous.weights.peers.peer import Network, rolled, side
from atrous.weights.rename import Values

_HALVES = ("body.0", "body.1")
_PLUS, _V3 = "classifier.aspp", "classifier.classifier.0"
"""Where ASPP is, in DeepLab V3+ and V3."""


def recognize(values: Values) -> bool:
    """Whether a state dict is of one of its networks."""
    return any(f"{aspp}.project.0.weight" in values for aspp in (_PLUS, _V3))


def describe(values: Values, output_stride: OutputStride | None) -> Network:
    """See `atrous.weights.peers.peer.Peer`."""
    plus = f"{_PLUS}.project.0.weight" in values
    aspp, conv, norm, classifier = (_PLUS, 0, 1, 3) if plus else (_V3, 1, 2, 4)
    halves = halves_of(values, f"{aspp}.convs.1.0", _HALVES)
    channels = side(values, f"{aspp}.project.0.weight")
    encoder, layers = _encoder(values)
    num_classes, turns = count_classes(values, f"classifier.classifier.{classifier}")
    known: dict[str, object] = {
        "encoder": encoder,
        "decoder": "deeplabv3plus" if plus else "deeplabv3",
        "num_classes": num_classes,
        "output_stride": output_stride or 16,
        "decoder_channels": channels,
        "separable": halves is not None,
        "bare_separable": True,
    }
    layers |= aspp_layers(aspp, halves) | {f"classifier.classifier.{classifier}": "classifier"}
    turns |= aspp_turns(channels)
    theirs = f"classifier.classifier.{conv}", f"classifier.classifier.{norm}"
    if plus:
        reduced = side(values, "classifier.project.0.weight")
        fuse = "decoder.stages.0.fuse.0"
        known |= {"decoder_convs": 1, "reduced_channels": reduced}
        layers |= conv_layers(
            "classifier.project.0", "classifier.project.1", "decoder.stages.0.reduce"
        )
        layers |= conv_layers(*theirs, fuse, halves)
        turns[f"{fuse}.depthwise.conv.weight"] = rolled(-reduced, axis=0)
        turns[f"{fuse}.{'pointwise.' if halves else ''}conv.weight"] = rolled(-reduced)
    else:
        known["aspp_convs"] = 1
        layers |= conv_layers(*theirs, "decoder.context.behind.0", halves)
    return Network(model_config_from(known), layers, turns)


def _encoder(values: Values) -> tuple[str, dict[str, str]]:
    if "backbone.low_level_features.0.0.weight" in values:
        check_rgb(values, "backbone.low_level_features.0.0")
        return "mobilenetv2_torch_cropped", mobilenetv2_layers(_mobilenetv2_place)
    check_rgb(values, "backbone.conv1")
    encoder = detect_resnet(values, "backbone.")
    return encoder, resnet_layers(encoder, "backbone.")


def _mobilenetv2_place(number: int) -> str:
    return f"backbone.{'low' if number < 4 else 'high'}_level_features.{number}"
