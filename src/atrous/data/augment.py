"""Random scale, crop, flip, rotation, colour and blur: pure functions on a sample and a generator.

Pictures may have any number of channels, of 8 or 16 bit.
"""

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from atrous.data.sample import Sample
from atrous.data.warp import (
    Matrix,
    resize_image,
    resize_labels,
    warp_image,
    warp_labels,
)
from atrous.imaging import Pixels

_Span: TypeAlias = tuple[int, int, int]
"""Along one side: where the part of the picture that is shown begins, its length, that scaled."""

_GREY = np.array([0.299, 0.587, 0.114])
"""Shares of red, green and blue in the brightness of a pixel (ITU-R BT.601)."""
_TO_YIQ = np.array([_GREY, [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
"""Brightness, and two differences of colour, whose plane is turned to change the hue."""


def scale_crop_flip(
    sample: Sample,
    random: Generator,
    *,
    crop_size: tuple[int, int],
    scale: tuple[float, float] | tuple[float, float, float],
    flip: bool,
    fill: Sequence[int],
    ignore_index: int,
    rotation: float = 0.0,
) -> Sample:
    """Draw a scale, a place and an angle, and resize just the part that the crop will show.

    The result is that of DeepLab's pipeline (scale, pad right and below with the mean pixel and
    ignored labels, crop from anywhere, mirror every second sample) up to half a pixel, but no
    pixel outside the crop is touched. Pictures that shrink are averaged over areas.

    Args:
        sample: Picture and labels of any size.
        random: Where the numbers come from.
        crop_size: Height and width of the result.
        scale: Smallest and largest factor, and the step between factors, see `random_scale`.
        flip: Whether every second sample is mirrored left to right.
        fill: Value of each channel in padding.
        ignore_index: Label of padding.
        rotation: Largest angle in degrees. The crop's content is turned around its middle by an
            angle drawn evenly between minus and plus this; what comes in from outside of the
            picture is padding.

    Returns:
        A sample of ``crop_size``.
    """
    factor = random_scale(random, *scale)
    rows, columns = (
        _cut(random, full, wanted, factor)
        for full, wanted in zip(sample.labels.shape, crop_size, strict=True)
    )
    mirrored = bool(flip and random.random() < 0.5)
    # Labels of 8 bits cannot hold an ignore_index such as -1 or 65535.
    kind = np.result_type(sample.labels, np.min_scalar_type(ignore_index))
    if rotation:
        angle = random.uniform(-rotation, rotation)
        matrix = _crop_to_source(rows, columns, angle, mirrored=mirrored)
        image = _warp_smoothly(sample.image, matrix, crop_size)
        inside = warp_labels(np.ones(sample.labels.shape, np.uint8), matrix, crop_size, 0)
        image[inside == 0] = fill
        labels = warp_labels(sample.labels.astype(kind), matrix, crop_size, ignore_index)
        return Sample(sample.name, image, labels)
    (top, part_height, height), (left, part_width, width) = rows, columns
    place = np.s_[top : top + part_height, left : left + part_width]
    image = resize_image(sample.image[place], (height, width))
    labels = resize_labels(sample.labels[place], (height, width))
    if mirrored:
        image, labels = image[:, ::-1], labels[:, ::-1]
    canvas = np.empty((*crop_size, image.shape[2]), image.dtype)
    canvas[:] = fill
    canvas[:height, :width] = image
    label_canvas = np.full(crop_size, ignore_index, kind)
    label_canvas[:height, :width] = labels
    return Sample(sample.name, canvas, label_canvas)


def random_scale(random: Generator, smallest: float, largest: float, step: float = 0.0) -> float:
    """A factor between the two, both included.

    Args:
        random: Where the number comes from.
        smallest: Smallest factor.
        largest: Largest factor.
        step: Between one possible factor and the next, all as likely: 0.25 from 0.5 to 2.0 gives
            the seven of DeepLab's release. 0 draws evenly from all numbers.
    """
    if not step:
        return random.uniform(smallest, largest)
    # A little more than the quotient, which may be a rounding short of a whole number.
    steps = int((largest - smallest) / step + 1e-6)
    return smallest + step * int(random.integers(0, steps + 1))


def _cut(random: Generator, full: int, wanted: int, factor: float) -> _Span:
    part = max(1, round(wanted / factor))
    if part < full:
        return int(random.integers(0, full - part + 1)), part, wanted
    return 0, full, min(wanted, max(1, round(full * factor)))


def _crop_to_source(rows: _Span, columns: _Span, angle: float, *, mirrored: bool) -> Matrix:
    """Where in the source a pixel of a crop lies that is mirrored, turned and scaled."""
    (top, part_height, height), (left, part_width, width) = rows, columns
    middle = (width - 1) / 2, (height - 1) / 2
    turn = np.vstack([cv2.getRotationMatrix2D(middle, angle, 1.0), (0, 0, 1)])
    mirror = np.array([[-1.0, 0, width - 1], [0, 1, 0], [0, 0, 1]]) if mirrored else np.eye(3)
    place = _stretch(part_width / width, part_height / height)
    place[:2, 2] += left, top
    return np.asarray(place @ turn @ mirror)


def _stretch(x: float, y: float) -> Matrix:
    """Scale by two factors; the corner of the first pixel, half a pixel before 0, stays."""
    return np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1]])


def _warp_smoothly(image: Pixels, matrix: Matrix, size: tuple[int, int]) -> Pixels:
    """Warp; pictures that shrink are averaged over areas first, for a warp looks at four pixels."""
    factor = 1 / float(np.sqrt(abs(np.linalg.det(matrix))))
    if factor < 1.0:
        height, width = image.shape[:2]
        shrunk = max(1, round(height * factor)), max(1, round(width * factor))
        image = resize_image(image, shrunk)
        matrix = np.asarray(_stretch(shrunk[1] / width, shrunk[0] / height) @ matrix)
    return warp_image(image, matrix, size)


def jitter_color(image: Pixels, random: Generator, *, strength: float, hue: float = 0.0) -> Pixels:
    """Change brightness, contrast and saturation, each by a factor around 1, and the hue.

    Args:
        image: (H, W, C). Saturation and hue are those of RGB: for other numbers of channels all
            get one brightness and one contrast, around the mean of each.
        random: Where the numbers come from.
        strength: Factors are drawn evenly from 1 - strength to 1 + strength.
        hue: Largest turn of the hue to either side; 1 is the whole circle. A pixel's brightness
            (in YIQ) stays.
    """
    brightness, contrast, saturation = random.uniform(1 - strength, 1 + strength, 3)
    turn = random.uniform(-hue, hue) if hue else 0.0
    # One linear map: mix each channel with the pixel's grey, then stretch around the mean.
    channels = image.shape[2]
    if channels == 3:
        mix = _turn_hue(turn) @ (saturation * np.eye(3) + (1 - saturation) * _GREY)
        mean = np.full(3, np.array(cv2.mean(image)[:3]) @ _GREY)
    else:
        mix, mean = np.eye(channels), image.mean(axis=(0, 1), dtype=np.float64)
    matrix = np.empty((channels, channels + 1))
    matrix[:, :-1] = brightness * contrast * mix
    matrix[:, -1] = brightness * (1 - contrast) * mean
    return np.asarray(cv2.transform(image, matrix), dtype=image.dtype).reshape(image.shape)


def _turn_hue(turn: float) -> NDArray[np.float64]:
    """(3, 3), RGB to RGB: the plane of the two colour differences of YIQ turned."""
    if not turn:
        return np.eye(3)
    cosine, sine = np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)
    turned = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
    return np.asarray(np.linalg.solve(_TO_YIQ, turned @ _TO_YIQ))


def blur(image: Pixels, random: Generator, *, largest_sigma: float) -> Pixels:
    """Blur by a Gaussian whose sigma is drawn evenly from 0 to ``largest_sigma`` pixels."""
    sigma = random.uniform(0.0, largest_sigma)
    # Below this no neighbour weighs as much as one step of 8 bits.
    if sigma < 0.2:
        return image
    blurred = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), dtype=image.dtype)
    return blurred.reshape(image.shape)
