"""What a classifier of whole pictures is shown in training."""

import math

import numpy as np
from numpy.random import Generator

from atrous.data.sample import Sample
from atrous.data.warp import resize_image

_TRIES = 10


def random_resized_crop(
    sample: Sample,
    random: Generator,
    *,
    side: int,
    area: tuple[float, float],
    aspect: tuple[float, float],
    flip: bool,
) -> Sample:
    """A part of a picture as a square, as the Inception networks are trained with.

    Its share of the area and the quotient of its sides are drawn evenly (GoogLeNet,
    arXiv:1409.4842, section 6); where ten draws do not fit, it is the largest square in the middle.

    Args:
        sample: A picture of any size, of which every pixel has the class of the whole.
        random: Where the numbers come from.
        side: Height and width of the result, in pixels.
        area: Smallest and largest share of the picture's area, up to 1.
        aspect: Smallest and largest width over height.
        flip: Whether every second sample is mirrored left to right.

    Returns:
        A picture of ``side`` x ``side`` with labels of 1 x 1.
    """
    top, left, height, width = _part(random, sample.labels.shape, area, aspect)
    part = np.ascontiguousarray(sample.image[top : top + height, left : left + width])
    image = resize_image(part, (side, side))
    if flip and random.random() < 0.5:
        image = image[:, ::-1]
    return Sample(sample.name, image, sample.labels[:1, :1])


def _part(
    random: Generator, size: tuple[int, ...], area: tuple[float, float], aspect: tuple[float, float]
) -> tuple[int, int, int, int]:
    """Top, left, height and width of a part of a picture."""
    full_height, full_width = size
    for _ in range(_TRIES):
        pixels = random.uniform(*area) * full_height * full_width
        quotient = random.uniform(*aspect)
        height, width = round(math.sqrt(pixels / quotient)), round(math.sqrt(pixels * quotient))
        if 0 < height <= full_height and 0 < width <= full_width:
            top = int(random.integers(0, full_height - height + 1))
            left = int(random.integers(0, full_width - width + 1))
            return top, left, height, width
    square = min(full_height, full_width)
    return (full_height - square) // 2, (full_width - square) // 2, square, square
