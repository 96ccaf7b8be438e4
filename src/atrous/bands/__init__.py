"""Pictures of any number of channels, of 8 or 16 bits, as a network wants them."""

from atrous.bands.kind import MAX_CHANNELS, RGB8, Bits, PixelKind, kind_of
from atrous.bands.read import pixels_from_array, pixels_from_pillow, read_pixels
from atrous.bands.show import shown

__all__ = [
    "MAX_CHANNELS",
    "RGB8",
    "Bits",
    "PixelKind",
    "kind_of",
    "pixels_from_array",
    "pixels_from_pillow",
    "read_pixels",
    "shown",
]
