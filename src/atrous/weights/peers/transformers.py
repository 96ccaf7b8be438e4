"""Hugging Face transformers: MobileNetV2ForSemanticSegmentation, the released network once more.

It is the released DeepLab V3 on MobileNetV2 with TensorFlow's padding, whose head has no atrous
branches. Like the package, and unlike the release, logits are resized with the corners' outer edges
aligned.
"""

from atrous.models.config import OutputStride, model_config_from
from atrous.runtime.card import Preprocessing
from atrous.weights.peers.backbones import check_rgb
from atrous.weights.peers.heads import count_classes
from atrous.weights.peers.peer import Network, side
from atrous.weights.rename import Values

_STEM, _HEAD = "mobilenet_v2.conv_stem", "segmentation_head"
_LAYERS = {
    f"{_STEM}.first_conv": "encoder.root",
    f"{_STEM}.conv_3x3": "encoder.blocks.0.depthwise",
    f"{_STEM}.reduce_1x1": "encoder.blocks.0.project",
    **{
        f"mobilenet_v2.layer.{index}.{theirs}": f"encoder.blocks.{index + 1}.{ours}"
        for index in range(16)
        for theirs, ours in (
            ("expand_1x1", "expand"),
            ("conv_3x3", "depthwise"),
            ("reduce_1x1", "project"),
        )
    },
    f"{_HEAD}.conv_pool": "decoder.context.image_pool",
    f"{_HEAD}.conv_aspp": "decoder.context.branches.0",
    f"{_HEAD}.conv_projection": "decoder.context.project",
}


def recognize(values: Values) -> bool:
    """Whether a state dict is of this network."""
    return f"{_HEAD}.conv_projection.convolution.weight" in values


def describe(values: Values, output_stride: OutputStride | None) -> Network:
    """See `atrous.weights.peers.peer.Peer`."""
    check_rgb(values, f"{_STEM}.first_conv.convolution")
    classifier = f"{_HEAD}.classifier.convolution"
    num_classes, turns = count_classes(values, classifier)
    config = model_config_from(
        {
            "encoder": "mobilenetv2",
            "decoder": "deeplabv3",
            "num_classes": num_classes,
            # Of google/deeplabv3_mobilenet_v2_1.0_513.
            "output_stride": output_stride or 8,
            "decoder_channels": side(values, f"{_HEAD}.conv_projection.convolution.weight"),
            "atrous_rates": (),
            "padding": "same",
        }
    )
    layers = {classifier: "classifier"}
    for theirs, ours in _LAYERS.items():
        layers |= {
            f"{theirs}.convolution": f"{ours}.conv",
            f"{theirs}.normalization": f"{ours}.norm",
        }
    return Network(
        config,
        layers,
        turns,
        left_out={"mobilenet_v2.conv_1x1.": "a convolution that the head does not read"},
        preprocessing=Preprocessing(longest_side=513),
    )
