"""Class names, colours and the value of pixels without a class."""

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass

from atrous.errors import ConfigError

Color = tuple[int, int, int]

BACKGROUND = ("background", "_background_")
"""Names of the class of what no other class covers."""


@dataclass(frozen=True)
class LabelSet:
    """What the numbers in a label map mean.

    Args:
        names: Class names; the position is the class index.
        palette: One RGB colour for each name.
        ignore_index: Value of pixels that belong to no class.

    Raises:
        ConfigError: If names are missing or repeated, or the palette does not fit them.
    """

    names: tuple[str, ...]
    palette: tuple[Color, ...]
    ignore_index: int = 255

    def __post_init__(self) -> None:
        if not self.names:
            raise ConfigError("a label set needs at least one class name")
        if len(self.palette) != len(self.names):
            raise ConfigError(
                f"{len(self.names)} class names but {len(self.palette)} palette colours; "
                "give one colour for each name"
            )
        repeated = sorted({name for name in self.names if self.names.count(name) > 1})
        if repeated:
            raise ConfigError(f"class names must differ; repeated: {', '.join(repeated)}")
        if 0 <= self.ignore_index < len(self.names):
            raise ConfigError(
                f"ignore_index {self.ignore_index} is also the index of class "
                f"{self.names[self.ignore_index]!r}; choose a value from {len(self.names)} up"
            )
        if any(not 0 <= value <= 255 for color in self.palette for value in color):
            raise ConfigError("palette colours are three numbers from 0 to 255")

    @property
    def num_classes(self) -> int:
        """Number of classes; ignored pixels are not one."""
        return len(self.names)

    @property
    def background(self) -> int | None:
        """The class of what no other class covers, if there is one."""
        return next((self.names.index(name) for name in BACKGROUND if name in self.names), None)

    @property
    def other(self) -> int:
        """Value of pixels that belong to no class: the background, else ``ignore_index``."""
        return self.ignore_index if self.background is None else self.background


def bit_palette(count: int) -> tuple[Color, ...]:
    """The colours of PASCAL VOC: the bits of the index dealt to red, green and blue in turn.

    Examples:
        >>> bit_palette(4)
        ((0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0))
    """

    def channel(index: int, first: int) -> int:
        return sum((index >> 3 * place + first & 1) << 7 - place for place in range(8))

    return tuple((channel(i, 0), channel(i, 1), channel(i, 2)) for i in range(count))


VOC = LabelSet(
    (
        *("background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat"),
        *("chair", "cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant"),
        *("sheep", "sofa", "train", "tvmonitor"),
    ),
    bit_palette(21),
)
"""PASCAL VOC 2012; 255 marks object boundaries."""

CITYSCAPES = LabelSet(
    (
        *("road", "sidewalk", "building", "wall", "fence", "pole", "traffic light"),
        *("traffic sign", "vegetation", "terrain", "sky", "person", "rider", "car", "truck"),
        *("bus", "train", "motorcycle", "bicycle"),
    ),
    (
        *((128, 64, 128), (244, 35, 232), (70, 70, 70), (102, 102, 156), (190, 153, 153)),
        *((153, 153, 153), (250, 170, 30), (220, 220, 0), (107, 142, 35), (152, 251, 152)),
        *((70, 130, 180), (220, 20, 60), (255, 0, 0), (0, 0, 142), (0, 0, 70), (0, 60, 100)),
        *((0, 80, 100), (0, 0, 230), (119, 11, 32)),
    ),
)
"""Cityscapes' 19 classes in the order of their trainIds."""

_ADE20K_NAMES = """
other, wall, building, sky, floor, tree, ceiling, road, bed, windowpane, grass, cabinet,
sidewalk, person, earth, door, table, mountain, plant, curtain, chair, car, water,
painting, sofa, shelf, house, sea, mirror, rug, field, armchair, seat, fence, desk, rock,
wardrobe, lamp, bathtub, railing, cushion, base, box, column, signboard, chest of drawers,
counter, sand, sink, skyscraper, fireplace, refrigerator, grandstand, path, stairs,
runway, case, pool table, pillow, screen door, stairway, river, bridge, bookcase, blind,
coffee table, toilet, flower, book, hill, bench, countertop, stove, palm, kitchen island,
computer, swivel chair, boat, bar, arcade machine, hovel, bus, towel, light, truck, tower,
chandelier, awning, streetlight, booth, television, airplane, dirt track, apparel, pole,
land, bannister, escalator, ottoman, bottle, buffet, poster, stage, van, ship, fountain,
conveyer belt, canopy, washer, plaything, swimming pool, stool, barrel, basket, waterfall,
tent, bag, minibike, cradle, oven, ball, food, step, tank, trade name, microwave, pot,
animal, bicycle, lake, dishwasher, screen, blanket, sculpture, hood, sconce, vase, traffic
light, tray, ashcan, fan, pier, crt screen, plate, monitor, bulletin board, shower,
radiator, glass, clock, flag
"""

ADE20K = LabelSet(
    tuple(" ".join(name.split()) for name in _ADE20K_NAMES.split(",")), bit_palette(151)
)
"""ADE20K's 150 classes as the release numbers them: 0 is what has none, and is never learned."""


def numbered_label_set(num_classes: int, *, ignore_index: int = 255) -> LabelSet:
    """A label set for classes whose names are unknown: ``class 0``, ``class 1`` and so on."""
    names = tuple(f"class {index}" for index in range(num_classes))
    return LabelSet(names, distinct_palette(num_classes), ignore_index)


def distinct_palette(count: int) -> tuple[Color, ...]:
    """Colours that are told apart easily: hues a golden angle apart, in three brightnesses."""

    def color(index: int) -> Color:
        hue = (index * 0.618034 + 0.6) % 1.0
        value = (0.95, 0.7, 0.5)[index % 3]
        red, green, blue = colorsys.hsv_to_rgb(hue, 0.75, value)
        return round(255 * red), round(255 * green), round(255 * blue)

    return tuple(color(index) for index in range(count))


def as_palette(colors: Sequence[Sequence[int]]) -> tuple[Color, ...]:
    """Colours from JSON or TOML lists.

    Raises:
        ConfigError: If a colour has not three values.
    """
    if any(len(color) != 3 for color in colors):
        raise ConfigError("palette colours are three numbers from 0 to 255")
    return tuple((int(red), int(green), int(blue)) for red, green, blue in colors)
