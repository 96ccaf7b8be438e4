"""How many channels pixels have, and of how many bits."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from atrous.imaging import Pixels

Bits: TypeAlias = Literal[8, 16]

MAX_CHANNELS = 64
"""Pictures of more channels are refused."""


@dataclass(frozen=True, order=True)
class PixelKind:
    """What one pixel is; ordinary photographs are `RGB8`."""

    channels: int = 3
    bits: Bits = 8

    @property
    def highest(self) -> int:
        """The largest value: 255 or 65535."""
        return (1 << self.bits) - 1

    def __str__(self) -> str:
        """Such as ``4 channels of 16 bits``."""
        return f"{self.channels} channel{'s' * (self.channels > 1)} of {self.bits} bits"


RGB8 = PixelKind()
"""Three channels of 8 bits: red, green, blue."""


def kind_of(pixels: Pixels) -> PixelKind:
    """What (H, W, C) pixels are."""
    return PixelKind(pixels.shape[2], 16 if pixels.dtype == np.uint16 else 8)
