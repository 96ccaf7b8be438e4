"""Decoders: from feature maps to one map."""

from atrous.decoders.base import Context
from atrous.decoders.deeplabv3 import DeepLabV3Decoder
from atrous.decoders.deeplabv3plus import DeepLabV3PlusDecoder
from atrous.decoders.lraspp import LRASPPDecoder

__all__ = ["Context", "DeepLabV3Decoder", "DeepLabV3PlusDecoder", "LRASPPDecoder"]
