"""Encoders by name: from images to feature maps."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

from atrous.encoders.base import Encoder, FeatureSpec
from atrous.encoders.mobilenetv2 import MobileNetV2
from atrous.encoders.mobilenetv3 import MobileNetV3
from atrous.encoders.resnet import ResNet
from atrous.encoders.xception import AlignedXception
from atrous.encoders.xception_original import Xception

EncoderBuilder: TypeAlias = Callable[..., Encoder]
"""Called with ``output_stride`` and ``in_channels`` by keyword, and with ``padding``,
``multi_grid`` and ``rate_change`` if a model asks for others than ``symmetric``, 1, 1, 1 and
``after_unit``."""

_aligned_as_in_the_paper = partial(AlignedXception, relu_after_depthwise=True)

ENCODERS: Mapping[str, EncoderBuilder] = {
    "mobilenetv2": MobileNetV2,
    "mobilenetv2_035": partial(MobileNetV2, width=0.35),
    "mobilenetv2_050": partial(MobileNetV2, width=0.5),
    "mobilenetv2_075": partial(MobileNetV2, width=0.75),
    "mobilenetv2_130": partial(MobileNetV2, width=1.3),
    "mobilenetv2_140": partial(MobileNetV2, width=1.4),
    "mobilenetv3_large_seg": partial(MobileNetV3, "large"),
    "mobilenetv3_large_torch": partial(MobileNetV3, "large_torch"),
    "mobilenetv3_small_seg": partial(MobileNetV3, "small"),
    "mobilenetv2_torch": partial(MobileNetV2, form="torch"),
    "mobilenetv2_torch_1280": partial(MobileNetV2, form="torch_1280"),
    "mobilenetv2_torch_bordered": partial(MobileNetV2, form="torch_bordered"),
    "mobilenetv2_torch_cropped": partial(MobileNetV2, form="torch_cropped"),
    "resnet18": partial(ResNet, "resnet18"),
    "resnet18_beta": partial(ResNet, "resnet18_beta"),
    "resnet18_v1_5": partial(ResNet, "resnet18_v1_5"),
    "resnet34_v1_5": partial(ResNet, "resnet34_v1_5"),
    "resnet50": partial(ResNet, "resnet50"),
    "resnet50_beta": partial(ResNet, "resnet50_beta"),
    "resnet50_v1_5": partial(ResNet, "resnet50_v1_5"),
    "resnet101": partial(ResNet, "resnet101"),
    "resnet101_beta": partial(ResNet, "resnet101_beta"),
    "resnet101_v1_5": partial(ResNet, "resnet101_v1_5"),
    "xception": Xception,
    "xception41": partial(AlignedXception, "xception41"),
    "xception65": partial(AlignedXception, "xception65"),
    "xception71": partial(AlignedXception, "xception71"),
    "xception65_rectified": partial(AlignedXception, "xception65", form="rectified"),
    "xception65_rectified_sums": partial(AlignedXception, "xception65", form="rectified_sums"),
    "xception41_rectified_taps": partial(AlignedXception, "xception41", form="rectified_taps"),
    "xception65_rectified_taps": partial(AlignedXception, "xception65", form="rectified_taps"),
    "xception71_rectified_taps": partial(AlignedXception, "xception71", form="rectified_taps"),
    "xception41_paper": partial(_aligned_as_in_the_paper, "xception41"),
    "xception65_paper": partial(_aligned_as_in_the_paper, "xception65"),
    "xception71_paper": partial(_aligned_as_in_the_paper, "xception71"),
}

__all__ = ["ENCODERS", "Encoder", "EncoderBuilder", "FeatureSpec"]
