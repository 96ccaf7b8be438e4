"""Random scale, crop, flip and colour: pure functions on a sample and a generator."""

import cv2
import numpy as np
from numpy.random import Generator

from atrous.data.sample import Sample
from atrous.imaging import Pixels


def scale_crop_flip(
    sample: Sample,
    random: Generator,
    *,
    crop_size: tuple[int, int],
    scale: tuple[float, float],
    flip: bool,
    fill: tuple[int, ...],
    ignore_index: int,
) -> Sample:
    """Draw a scale and a place, and resize just the part that the crop will show.

    The result is that of DeepLab's pipeline (scale, pad right and below with the mean pixel and
    ignored labels, crop from anywhere, mirror every second sample) up to half a pixel, but no
    pixel outside the crop is touched. Pictures that shrink are averaged over areas.

    Args:
        sample: Picture and labels of any size.
        random: Where the numbers come from.
        crop_size: Height and width of the result.
        scale: Smallest and largest factor, drawn evenly.
        flip: Whether every second sample is mirrored left to right.
        fill: The pixel of padding, a value for each channel.
        ignore_index: Label of padding.

    Returns:
        A sample of ``crop_size``.
    """
    factor = random.uniform(*scale)
    (top, rows, height), (left, columns, width) = (
        _cut(random, full, wanted, factor)
        for full, wanted in zip(sample.labels.shape, crop_size, strict=True)
    )
    place = np.s_[top : top + rows, left : left + columns]
    smooth = cv2.INTER_AREA if factor < 1.0 else cv2.INTER_LINEAR
    image: Pixels = cv2.resize(  # type: ignore[assignment]
        sample.image[place], (width, height), interpolation=smooth
    )
    labels = cv2.resize(
        sample.labels[place], (width, height), interpolation=cv2.INTER_NEAREST_EXACT
    )
    if flip and random.random() < 0.5:
        image, labels = image[:, ::-1], labels[:, ::-1]
    canvas = np.empty((*crop_size, sample.image.shape[2]), sample.image.dtype)
    canvas[:] = fill
    # OpenCV drops the axis of a single channel.
    canvas[:height, :width] = image.reshape(height, width, -1)
    # Labels of 8 bits cannot hold an ignore_index such as -1 or 65535.
    kind = np.result_type(sample.labels, np.min_scalar_type(ignore_index))
    label_canvas = np.full(crop_size, ignore_index, kind)
    label_canvas[:height, :width] = labels
    return Sample(sample.name, canvas, label_canvas)


def _cut(random: Generator, full: int, wanted: int, factor: float) -> tuple[int, int, int]:
    """Along one side: where the part that is shown begins, its length, and that once scaled."""
    part = max(1, round(wanted / factor))
    if part < full:
        return int(random.integers(0, full - part + 1)), part, wanted
    return 0, full, min(wanted, max(1, round(full * factor)))


def jitter_color(image: Pixels, random: Generator, *, strength: float) -> Pixels:
    """Change brightness, contrast and saturation, each by a factor around 1.

    Only pictures of three channels have colours; of others all channels get one brightness and
    one contrast, around the mean of each.

    Args:
        image: (H, W, C).
        random: Where the three factors come from.
        strength: Factors are drawn evenly from 1 - strength to 1 + strength.
    """
    brightness, contrast, saturation = random.uniform(1 - strength, 1 + strength, 3)
    if image.shape[2] != 3:
        return _change_contrast(image, brightness, contrast)
    # One linear map: mix each channel with the pixel's grey, then stretch around the mean.
    grey = np.array([0.299, 0.587, 0.114])
    mix = saturation * np.eye(3) + (1 - saturation) * grey
    mean = float(cv2.mean(image)[:3] @ grey)
    matrix = np.empty((3, 4))
    matrix[:, :3] = brightness * contrast * mix
    matrix[:, 3] = brightness * (1 - contrast) * mean
    return np.asarray(cv2.transform(image, matrix), dtype=image.dtype)


def _change_contrast(image: Pixels, brightness: float, contrast: float) -> Pixels:
    means = image.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
    changed = image * np.float32(brightness * contrast) + means * (brightness * (1 - contrast))
    highest = np.iinfo(image.dtype).max
    return np.asarray(np.clip(np.rint(changed), 0, highest), dtype=image.dtype)
