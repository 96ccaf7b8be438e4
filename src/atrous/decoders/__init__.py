"""Decoders: from feature maps to one map."""

from atrous.decoders.deeplabv3 import DeepLabV3Decoder
from atrous.decoders.deeplabv3plus import DeepLabV3PlusDecoder

__all__ = ["DeepLabV3Decoder", "DeepLabV3PlusDecoder"]
