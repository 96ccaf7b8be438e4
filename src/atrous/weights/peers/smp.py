"""segmentation_models.pytorch: DeepLabV3 and DeepLabV3Plus on ResNet, MobileNetV2 and Xception.

Unlike torchvision it gives the doubled rate to the unit that loses its stride too, but for the
encoders of timm (``tu-``). ASPP has the rates 12, 24 and 36 at every output stride unless others
were asked for.
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
from atrous.weights.peers.peer import Network, side
from atrous.weights.peers.xceptions import detect_timm_xception, timm_xception_layers
from atrous.weights.rename import Values

_HALVES = ("0", "1")
_PLUS, _V3, _OLD_V3 = "decoder.aspp.0", "decoder.aspp", "decoder.0"
"""Where ASPP is, in DeepLabV3Plus, in DeepLabV3, and in DeepLabV3 of old versions."""


def recognize(values: Values) -> bool:
    """Whether a state dict is of one of its two DeepLabs."""
    return "segmentation_head.0.weight" in values and any(
        f"{aspp}.project.0.weight" in values for aspp in (_PLUS, _V3, _OLD_V3)
    )


def describe(values: Values, output_stride: OutputStride | None) -> Network:
    """See `atrous.weights.peers.peer.Peer`."""
    aspp = next(aspp for aspp in (_PLUS, _V3, _OLD_V3) if f"{aspp}.project.0.weight" in values)
    plus = aspp == _PLUS
    halves = halves_of(values, f"{aspp}.convs.1.0", _HALVES)
    channels = side(values, f"{aspp}.project.0.weight")
    known, layers = _encoder(values)
    num_classes, turns = count_classes(values, "segmentation_head.0")
    config = model_config_from(
        known
        | {
            "decoder": "deeplabv3plus" if plus else "deeplabv3",
            "num_classes": num_classes,
            "output_stride": output_stride or (16 if plus else 8),
            "atrous_rates": (12, 24, 36),
            "decoder_channels": channels,
            "separable": halves is not None,
            "decoder_separable": plus,
            "bare_separable": True,
            "aspp_convs": 1,
            "decoder_convs": 1,
            "align_corners": True,
        }
    )
    behind = "decoder.context.behind.0"
    layers |= aspp_layers(aspp, halves) | {"segmentation_head.0": "classifier"}
    if plus:
        layers |= conv_layers("decoder.aspp.1", "decoder.aspp.2", behind, _HALVES)
        layers |= conv_layers("decoder.block1.0", "decoder.block1.1", "decoder.stages.0.reduce")
        fuse = "decoder.stages.0.fuse.0"
        layers |= conv_layers("decoder.block2.0", "decoder.block2.1", fuse, _HALVES)
    else:
        conv, norm = ("conv", "bn") if aspp == _V3 else ("1", "2")
        layers |= conv_layers(f"decoder.{conv}", f"decoder.{norm}", behind)
    return Network(
        config,
        layers,
        turns | aspp_turns(channels),
        left_out={"classification_head.": "a classifier of whole pictures"},
    )


def _encoder(values: Values) -> tuple[dict[str, object], dict[str, str]]:
    early = {"rate_change": "at_unit"}
    if "encoder.features.0.0.weight" in values:
        check_rgb(values, "encoder.features.0.0")
        layers = mobilenetv2_layers("encoder.features.{}".format)
        return {"encoder": "mobilenetv2_torch_1280", **early}, layers
    if "encoder.model.stem_0.conv.weight" in values:
        check_rgb(values, "encoder.model.stem_0.conv")
        encoder = detect_timm_xception(values, "encoder.model.", dot="_")
        layers = timm_xception_layers(encoder, "encoder.model.", dot="_")
        return {"encoder": f"{encoder}_rectified_taps"}, layers
    # Encoders of timm have their own dilation, which is torchvision's.
    prefix = "encoder.model." if "encoder.model.conv1.weight" in values else "encoder."
    check_rgb(values, f"{prefix}conv1")
    encoder = detect_resnet(values, prefix)
    known = {"encoder": encoder} if prefix == "encoder.model." else {"encoder": encoder, **early}
    return dict(known), resnet_layers(encoder, prefix)
