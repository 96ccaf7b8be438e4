"""Encoders by name: from images to feature maps."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

from atrous.encoders.base import Encoder, FeatureSpec
from atrous.encoders.mobilenetv2 import MobileNetV2
from atrous.encoders.xception import AlignedXception
from atrous.encoders.xception_original import Xception

EncoderBuilder: TypeAlias = Callable[..., Encoder]
"""Called with ``output_stride`` and ``in_channels`` by keyword, and with ``padding`` if a model
asks for another than ``symmetric``."""

ENCODERS: Mapping[str, EncoderBuilder] = {
    "mobilenetv2": MobileNetV2,
    "mobilenetv2_035": partial(MobileNetV2, width=0.35),
    "mobilenetv2_050": partial(MobileNetV2, width=0.5),
    "mobilenetv2_140": partial(MobileNetV2, width=1.4),
    "xception": Xception,
    "xception41": partial(AlignedXception, "xception41"),
    "xception65": partial(AlignedXception, "xception65"),
    "xception71": partial(AlignedXception, "xception71"),
}

__all__ = ["ENCODERS", "Encoder", "EncoderBuilder", "FeatureSpec"]
