"""Label maps as pictures: colours, overlays and legends."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from atrous.bands import shown
from atrous.imaging import LabelMap, Pixels
from atrous.labels import Color, LabelSet

VOID = (255, 255, 255)
"""Ignored pixels in the truth; few palettes have white."""
RIGHT, WRONG, UNCOUNTED = (232, 236, 240), (200, 30, 60), (150, 150, 150)
"""Colours of an error map."""
_SMALLEST_WITH_LEGEND = 160


def color_map(mask: LabelMap, palette: Sequence[Color]) -> Pixels:
    """Paint each pixel in the colour of its class; values without a class become black.

    (H, W) class indices -> (H, W, 3) RGB.
    """
    table = np.zeros((int(np.iinfo(mask.dtype).max) + 1, 3), np.uint8)
    table[: len(palette)] = palette
    if mask.dtype == np.uint8:
        return np.asarray(cv2.applyColorMap(mask, table.reshape(256, 1, 3)), np.uint8)
    return table[mask]


def truth_map(labels: LabelMap, label_set: LabelSet) -> Pixels:
    """Paint labels in the colours of their classes, and ignored pixels white.

    (H, W) class indices or ignore_index -> (H, W, 3) RGB.
    """
    colors = color_map(labels, label_set.palette)
    colors[labels == label_set.ignore_index] = VOID
    return colors


def error_map(labels: LabelMap, predicted: LabelMap, ignore_index: int) -> Pixels:
    """Paint where a prediction is right, where it is wrong, and where nothing is counted.

    Args:
        labels: (H, W) class indices or ``ignore_index``.
        predicted: (H, W) class indices.
        ignore_index: Label of pixels that are not counted.

    Returns:
        (H, W, 3) RGB.
    """
    colors = np.where((labels == predicted)[..., None], RIGHT, WRONG).astype(np.uint8)
    colors[labels == ignore_index] = UNCOUNTED
    return colors


def overlay(pixels: Pixels, mask: LabelMap, palette: Sequence[Color], *, opacity: float) -> Pixels:
    """Lay the colours over the picture, and draw a thin line where classes meet.

    Pixels whose value is no class show the picture.

    Args:
        pixels: (H, W, C); other than 8-bit RGB as `atrous.bands.shown` has them.
        mask: (H, W) class indices.
        palette: A colour for each class.
        opacity: 0 shows the picture alone, 1 the colours alone.

    Returns:
        (H, W, 3) RGB.
    """
    colors = color_map(mask, palette)
    mixed = np.asarray(
        cv2.addWeighted(colors, opacity, shown(pixels), 1.0 - opacity, 0.0), np.uint8
    )
    edges = np.zeros(mask.shape, np.uint8)
    edges[1:] = mask[1:] != mask[:-1]
    edges[:, 1:] |= mask[:, 1:] != mask[:, :-1]
    brighter = (np.arange(256) // 2 + 127).astype(np.uint8)
    mixed = np.asarray(cv2.copyTo(cv2.LUT(mixed, brighter), edges, mixed), np.uint8)
    bare = mask >= len(palette)
    mixed[bare] = shown(pixels)[bare]
    return mixed


def cut_out(pixels: Pixels, kept: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """The picture where ``kept`` is true, and transparent elsewhere.

    Transparent pixels are black, so that nothing of what was cut off is left in the file.

    Args:
        pixels: (H, W, C); other than 8-bit RGB as `atrous.bands.shown` has them.
        kept: (H, W).

    Returns:
        (H, W, 4) RGBA.
    """
    cut = np.zeros((*kept.shape, 4), np.uint8)
    cut[kept, :3] = shown(pixels)[kept]
    cut[kept, 3] = 255
    return cut


def draw_legend(pixels: Pixels, shares: dict[str, float], label_set: LabelSet) -> Pixels:
    """Write the classes that are there, largest first, into a corner of the picture.

    Pictures under 160 pixels have no room for one and come back as they are. As many classes are
    named as fit.

    Args:
        pixels: (H, W, 3) RGB.
        shares: Share of each class, between 0 and 1.
        label_set: Names and colours.
    """
    height, width = pixels.shape[:2]
    if min(height, width) < _SMALLEST_WITH_LEGEND:
        return pixels
    text_size = int(np.clip(min(height, width) // 38, 10, 64))
    line, pad = round(text_size * 1.4), text_size // 2
    rows = sorted(((share, name) for name, share in shares.items() if share > 0), reverse=True)
    rows = rows[: max((height - 4 * pad) // line, 1)]
    font = ImageFont.load_default(text_size)
    texts = [
        f"{name}  {share:.1%}" if share >= 0.0005 else f"{name}  < 0.1%" for share, name in rows
    ]
    box = (
        pad,
        pad,
        round(4 * pad + text_size + max(font.getlength(text) for text in texts)),
        2 * pad + line * len(rows),
    )
    right, bottom = min(box[2] + 1, width), min(box[3] + 1, height)
    image = Image.fromarray(pixels[:bottom, :right]).convert("RGBA")
    layer = Image.new("RGBA", image.size)
    draw = ImageDraw.Draw(layer)
    draw.rounded_rectangle(box, radius=pad, fill=(16, 18, 24, 190))
    for index, ((_, name), text) in enumerate(zip(rows, texts, strict=True)):
        top = box[1] + pad // 2 + index * line
        color = label_set.palette[label_set.names.index(name)]
        swatch = (2 * pad, top + line // 6, 2 * pad + text_size, top + line // 6 + text_size)
        draw.rectangle(swatch, fill=(*color, 255), outline=(235, 235, 235, 255))
        place = (3 * pad + text_size, top + line / 2)
        draw.text(place, text, font=font, fill=(245, 245, 245, 255), anchor="lm")
    drawn = pixels.copy()
    drawn[:bottom, :right] = np.asarray(Image.alpha_composite(image, layer).convert("RGB"))
    return drawn
