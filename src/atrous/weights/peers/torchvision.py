"""torchvision: DeepLab V3 on ResNet-50 and 101, built at output stride 8."""

from atrous.models.config import OutputStride, model_config_from
from atrous.weights.peers.backbones import check_rgb, detect_resnet, resnet_layers
from atrous.weights.peers.heads import aspp_layers, aspp_turns, conv_layers, count_classes
from atrous.weights.peers.peer import IMAGENET, Network, side
from atrous.weights.rename import Values

_ASPP = "classifier.0"
_LONGEST_SIDE = 520 * 4 // 3
"""Its pictures have a shortest side of 520; as photos of 4:3 they are so long."""


def recognize(values: Values) -> bool:
    """Whether a state dict is of one of its DeepLabs."""
    return f"{_ASPP}.project.0.weight" in values and "backbone.conv1.weight" in values


def describe(values: Values, output_stride: OutputStride | None) -> Network:
    """See `atrous.weights.peers.peer.Peer`."""
    check_rgb(values, "backbone.conv1")
    encoder = detect_resnet(values, "backbone.")
    channels = side(values, f"{_ASPP}.project.0.weight")
    num_classes, turns = count_classes(values, "classifier.4")
    config = model_config_from(
        {
            "encoder": encoder,
            "decoder": "deeplabv3",
            "num_classes": num_classes,
            "output_stride": output_stride or 8,
            "decoder_channels": channels,
            "separable": False,
            "aspp_convs": 1,
        }
    )
    layers = resnet_layers(encoder, "backbone.") | aspp_layers(_ASPP)
    layers |= conv_layers("classifier.1", "classifier.2", "decoder.context.behind.0")
    return Network(
        config,
        layers | {"classifier.4": "classifier"},
        turns | aspp_turns(channels),
        left_out={"aux_classifier.": "an auxiliary classifier of the training"},
        preprocessing=IMAGENET.model_copy(update={"longest_side": _LONGEST_SIDE}),
    )
