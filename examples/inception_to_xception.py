"""Walk from Inception to Xception: four figures, what each costs, and a picture of them.

    python examples/inception_to_xception.py [PICTURE.png]

Follows Chollet, *Xception*, 2017, section 1.1. Every module maps 192 channels to 192 on a map of
28 x 28 pixels, so that their costs can be compared.
"""

import sys
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont

from atrous.layers.count import count_multiply_adds, count_parameters
from atrous.layers.inception import InceptionV3Module, SegmentedConv, Towers, extreme_inception

CHANNELS, SIDE = 192, 28
STEPS = (
    (
        "ordinary convolution",
        "One 3x3 kernel for every pair of channels learns space and channels at once.",
        torch.nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False),
    ),
    (
        "figure 1: Inception V3",
        "Four branches. 1x1 convolutions mix channels, 3x3 look at space in the narrower maps.",
        InceptionV3Module(CHANNELS, CHANNELS // 4),
    ),
    (
        "figure 2: simplified",
        "One kernel size, no pooling: three equal towers of a 1x1 and a 3x3.",
        Towers(CHANNELS, CHANNELS, towers=3),
    ),
    (
        "figure 3: segments",
        "The same function: one 1x1, then a 3x3 for each third of its channels.",
        SegmentedConv(CHANNELS, CHANNELS, segments=3),
    ),
    (
        "figure 4: extreme",
        "As many segments as channels: a 3x3 for each channel alone.",
        extreme_inception(CHANNELS, CHANNELS),
    ),
    (
        "separable convolution",
        "The same parts in the other order: what Xception and DeepLab V3+ are built of.",
        SegmentedConv(CHANNELS, CHANNELS, segments=CHANNELS, order="spatial_first"),
    ),
)
"""Name, the idea, and the module of each step."""


def main() -> None:
    """Print the walk, check that figures 2 and 3 are one function, and draw the figures."""
    for name, idea, module in STEPS:
        parameters = count_parameters(module)
        multiply_adds = count_multiply_adds(module, 1, CHANNELS, SIDE, SIDE)
        print(f"{name:24} {parameters:8,} parameters {multiply_adds / 1e6:6.1f} M multiply-adds")
        print(f"    {idea}")
    towers = Towers(CHANNELS, CHANNELS, towers=3)
    x = torch.randn(1, CHANNELS, SIDE, SIDE)
    with torch.inference_mode():
        difference = (towers(x) - towers.as_segments()(x)).abs().max()
    print(f"\nfigures 2 and 3, with the same weights, differ by at most {difference:.1e}")
    if len(sys.argv) > 1:
        draw(Path(sys.argv[1]))
        print(f"drawn: {sys.argv[1]}")


# --- The picture ---------------------------------------------------------------------------------

MIX, LOOK, POOL, JOIN = (86, 130, 189), (221, 132, 82), (120, 170, 120), (110, 110, 120)
PANEL, GAP, BOX, LINE = 380, 14, 34, (70, 70, 80)


def draw(path: Path) -> None:
    """Draw the four figures side by side: maps flow from below upwards."""
    image = Image.new("RGB", (4 * PANEL, 400), (252, 252, 250))
    canvas = ImageDraw.Draw(image)
    for index, draw_figure in enumerate((_figure_1, _figure_2, _figure_3, _figure_4)):
        draw_figure(canvas, index * PANEL)
    image.save(path)


def _box(canvas: ImageDraw.ImageDraw, place: tuple[float, float, float], text: str, color) -> None:
    left, top, width = place
    box = (left, top, left + width, top + BOX)
    canvas.rounded_rectangle(box, radius=6, fill=color, outline=LINE)
    if text:
        middle = (left + width / 2, top + BOX / 2)
        canvas.text(middle, text, font=ImageFont.load_default(15), fill="white", anchor="mm")


def _frame(canvas: ImageDraw.ImageDraw, left: float, title: str, caption: str) -> None:
    font = ImageFont.load_default(17)
    canvas.text((left + PANEL / 2, 22), title, font=font, fill=LINE, anchor="mm")
    small = ImageFont.load_default(13)
    canvas.text((left + PANEL / 2, 382), caption, font=small, fill=LINE, anchor="mm")
    _box(canvas, (left + 40, 52, PANEL - 80), "concat", JOIN)
    _box(canvas, (left + 40, 326, PANEL - 80), "input", JOIN)


def _column(canvas: ImageDraw.ImageDraw, left: float, width: float, parts, above: int = 0) -> None:
    """One branch upwards, with a line through it, ``above`` so many boxes."""
    middle, levels = left + width / 2, [262 - level * (BOX + 22) for level in range(5)]
    canvas.line((middle, levels[above] + BOX + 30, middle, 52 + BOX), fill=LINE, width=2)
    for top, (text, color) in zip(levels[above:], parts, strict=False):
        _box(canvas, (left, top, width), text, color)


def _wide_pointwise(canvas: ImageDraw.ImageDraw, left: float) -> None:
    """One 1x1 convolution over all channels, below the columns."""
    middle = left + PANEL / 2
    canvas.line((middle, 326, middle, 262), fill=LINE, width=2)
    _box(canvas, (left + 40, 262, PANEL - 80), "1x1", MIX)


def _figure_1(canvas: ImageDraw.ImageDraw, left: float) -> None:
    _frame(canvas, left, "1  Inception V3", "four ways to look, side by side")
    columns = (
        (("1x1", MIX),),
        (("1x1", MIX), ("3x3", LOOK)),
        (("1x1", MIX), ("3x3", LOOK), ("3x3", LOOK)),
        (("mean", POOL), ("1x1", MIX)),
    )
    for index, parts in enumerate(columns):
        _column(canvas, left + 44 + index * 76, 64, parts)


def _figure_2(canvas: ImageDraw.ImageDraw, left: float) -> None:
    _frame(canvas, left, "2  simplified", "three equal towers")
    for index in range(3):
        _column(canvas, left + 52 + index * 100, 76, (("1x1", MIX), ("3x3", LOOK)))


def _figure_3(canvas: ImageDraw.ImageDraw, left: float) -> None:
    _frame(canvas, left, "3  segments", "the same function: one 1x1, a 3x3 for each segment")
    for index in range(3):
        _column(canvas, left + 52 + index * 100, 76, (("3x3", LOOK),), above=1)
    _wide_pointwise(canvas, left)


def _figure_4(canvas: ImageDraw.ImageDraw, left: float) -> None:
    _frame(canvas, left, "4  extreme Inception", "a 3x3 for every channel alone")
    for index in range(12):
        _column(canvas, left + 42 + index * 24.9, 20, (("", LOOK),), above=1)
    _wide_pointwise(canvas, left)


if __name__ == "__main__":
    main()
