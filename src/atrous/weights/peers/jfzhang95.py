"""jfzhang95's pytorch-deeplab-xception: DeepLab V3+ on ResNet-101, MobileNetV2 and Xception-65.

Its ResNet has the multi-grid 1, 2, 4 and gives the doubled rate to the unit that loses its stride
too; its MobileNetV2 doubles rates a stage later than others, and puts borders around a block's
input. Its Xception rectifies in place, so that shortcuts read rectified maps.
"""

from atrous.errors import WeightsError
from atrous.models.config import OutputStride, model_config_from
from atrous.weights.peers.backbones import (
    check_rgb,
    detect_resnet,
    mobilenetv2_layers,
    resnet_layers,
)
from atrous.weights.peers.heads import aspp_turns, conv_layers, count_classes
from atrous.weights.peers.peer import IMAGENET, Network, side
from atrous.weights.peers.xceptions import Separable, xception_layers
from atrous.weights.rename import Values

_LONGEST_SIDE = 513 * 4 // 3
"""Its pictures have a shortest side of 513; as photos of 4:3 they are so long."""


def recognize(values: Values) -> bool:
    """Whether a state dict is of one of its networks."""
    return "aspp.aspp1.atrous_conv.weight" in values and "decoder.last_conv.8.weight" in values


def describe(values: Values, output_stride: OutputStride | None) -> Network:
    """See `atrous.weights.peers.peer.Peer`."""
    channels, reduced = side(values, "aspp.conv1.weight"), side(values, "decoder.conv1.weight")
    known, layers = _encoder(values, output_stride)
    num_classes, turns = count_classes(values, "decoder.last_conv.8")
    known |= {
        "decoder": "deeplabv3plus",
        "num_classes": num_classes,
        "output_stride": output_stride or 16,
        "decoder_channels": channels,
        "reduced_channels": reduced,
        "separable": False,
        "align_corners": True,
    }
    return Network(
        model_config_from(known),
        layers | _head_layers(),
        turns | aspp_turns(channels),
        left_out={
            f"backbone.{part}_level_features.": "parts that the file has twice"
            for part in ("low", "high")
        },
        preprocessing=IMAGENET.model_copy(update={"longest_side": _LONGEST_SIDE}),
    )


def _head_layers() -> dict[str, str]:
    aspp, stage = "decoder.context", "decoder.stages.0"
    layers = {"decoder.last_conv.8": "classifier"}
    for branch in range(4):
        theirs = f"aspp.aspp{branch + 1}"
        layers |= conv_layers(f"{theirs}.atrous_conv", f"{theirs}.bn", f"{aspp}.branches.{branch}")
    layers |= conv_layers("aspp.global_avg_pool.1", "aspp.global_avg_pool.2", f"{aspp}.image_pool")
    layers |= conv_layers("aspp.conv1", "aspp.bn1", f"{aspp}.project")
    layers |= conv_layers("decoder.conv1", "decoder.bn1", f"{stage}.reduce")
    layers |= conv_layers("decoder.last_conv.0", "decoder.last_conv.1", f"{stage}.fuse.0")
    return layers | conv_layers("decoder.last_conv.4", "decoder.last_conv.5", f"{stage}.fuse.1")


def _encoder(
    values: Values, output_stride: OutputStride | None
) -> tuple[dict[str, object], dict[str, str]]:
    if "backbone.features.0.0.weight" in values:
        check_rgb(values, "backbone.features.0.0")
        known = {"encoder": "mobilenetv2_torch_bordered", "rate_change": "after_stage"}
        return dict(known), mobilenetv2_layers("backbone.features.{}".format, flat=True)
    check_rgb(values, "backbone.conv1")
    if "backbone.block1.rep.0.conv1.weight" in values:
        if output_stride not in {None, 16}:
            raise WeightsError(
                "its Xception is converted at output stride 16 only: at others one of its "
                "convolutions keeps a rate of 1 where its neighbours have 2"
            )
        return {"encoder": "xception65_rectified"}, xception_layers("backbone.", _convs, _exit)
    encoder = detect_resnet(values, "backbone.")
    found = {"encoder": encoder, "multi_grid": (1, 2, 4), "rate_change": "at_unit"}
    return dict(found), resnet_layers(encoder, "backbone.")


def _convs(block: int, conv: int) -> Separable:
    # The first ReLU of the first two blocks is not in the list.
    at = 3 * conv + (0 if block <= 2 else 1)
    return _separable(f"rep.{at}", f"rep.{at + 1}")


def _exit(conv: int) -> Separable:
    return _separable(f"conv{conv}", f"bn{conv}")


def _separable(conv: str, norm: str) -> Separable:
    return f"{conv}.conv1", f"{conv}.bn", f"{conv}.pointwise", norm
