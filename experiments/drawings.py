"""Pictures that are drawn from a generator of random numbers, with their answers."""

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

PICTURE, SCENE = 32, 96
"""Sides of what is drawn for classification and for segmentation, in pixels."""
PICTURE_CLASSES, SCENE_CLASSES = 10, 6
SCENE_CLASS_NAMES = ("background", "disc", "ring", "square", "cross", "wire")

# Round things are reddish and angular ones greenish, so that a colour tells two classes from the
# others, and only the outline tells them from each other.
_SCENE_COLORS = np.array(
    [(90, 110, 170), (170, 95, 95), (170, 95, 95), (95, 160, 95), (95, 160, 95)], np.float32
)
_SHAPES = ("disc", "ring", "square", "cross", "triangle")
# Directions in colour space that a single channel does not tell apart from a change of light.
_COLOR_AXES = np.array([(1, -1, 0), (-0.5, -0.5, 1)], np.float32)
_NOISE = 10.0
"""Standard deviation, of 255."""
_CROSS = ((-1, -3), (1, -3), (1, -1), (3, -1), (3, 1), (1, 1))
_CORNERS = {
    "square": np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * 0.8,
    "triangle": np.array([(0, -1), (0.87, 0.5), (-0.87, 0.5)]),
    "cross": np.array([*_CROSS, *((-x, -y) for x, y in _CROSS)]) / 3.2,
}
_FINE = 4
"""Bits behind the point in the coordinates that OpenCV takes."""


def draw_picture(random: Generator) -> tuple[Tensor, Tensor]:
    """One striped object on striped ground: which shape, and which way are its stripes coloured?

    An object's stripes go from red to green and the ground's from blue to yellow, or the other way
    round, so that neither the colours of the picture alone nor the outline alone tell the class.

    Returns:
        (3, 32, 32) values around 0, and the class, 0 to 9.
    """
    shape, axis = int(random.integers(5)), int(random.integers(2))
    canvas = _stripes(random, PICTURE, _COLOR_AXES[1 - axis])
    _scratch(random, canvas, lines=1)
    inside = np.zeros((PICTURE, PICTURE), np.uint8)
    center = random.uniform(12, 20, 2)
    _fill(inside, _SHAPES[shape], center, random.uniform(7, 11), random.uniform(0, np.pi))
    there = inside > 0
    canvas[there] = _stripes(random, PICTURE, _COLOR_AXES[axis])[there]
    return _finish(random, canvas), torch.tensor(shape * 2 + axis)


def draw_scene(random: Generator) -> tuple[Tensor, Tensor]:
    """Objects from 6 to 36 pixels in radius over each other, and wires 1 to 3 pixels thick.

    Discs and rings have the same colours and stripes, and so have squares and crosses; only the
    outline tells one from the other, and for the inside of a large one that is far away.

    Returns:
        (3, 96, 96) values around 0, and class indices (96, 96).
    """
    canvas = _striped_object(random, 0)
    labels = np.zeros((SCENE, SCENE), np.uint8)
    radii = np.sort(np.exp(random.uniform(np.log(6), np.log(36), 6)))[::-1]
    for radius in radii:
        class_index = int(random.integers(1, 5))
        inside = np.zeros_like(labels)
        center = random.uniform(0, SCENE, 2)
        _fill(inside, SCENE_CLASS_NAMES[class_index], center, radius, random.uniform(0, np.pi))
        there = inside > 0
        canvas[there] = _striped_object(random, class_index)[there]
        labels[there] = class_index
    for _ in range(3):
        start, end = random.integers(0, SCENE, (2, 2)).tolist()
        thickness = int(random.integers(1, 4))
        cv2.line(canvas, start, end, random.uniform(0, 255, 3).tolist(), thickness)
        cv2.line(labels, start, end, 5, thickness)
    return _finish(random, canvas), torch.from_numpy(labels.astype(np.int64))


def _striped_object(random: Generator, class_index: int) -> NDArray[np.float32]:
    color = _SCENE_COLORS[class_index] + random.uniform(-35, 35, 3).astype(np.float32)
    return _stripes(random, SCENE, _COLOR_AXES[int(random.integers(2))], color)


def _stripes(
    random: Generator,
    side: int,
    axis: NDArray[np.float32],
    color: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """(side, side, 3): a colour, by default any, and stripes along an axis of colour."""
    angle, period = random.uniform(0, np.pi), random.uniform(4, 9)
    way = np.arange(side, dtype=np.float32) * np.float32(2 * np.pi / period)
    phase = np.float32(random.uniform(0, 2 * np.pi))
    down, across = np.float32(np.sin(angle)), np.float32(np.cos(angle))
    wave = np.sin(way[:, None] * down + way * across + phase)
    if color is None:
        color = random.uniform(70, 185, 3).astype(np.float32)
    swing = axis * np.float32(random.uniform(20, 50))
    striped: NDArray[np.float32] = color + wave[..., None] * swing
    return striped


def _scratch(random: Generator, canvas: NDArray[np.float32], *, lines: int) -> None:
    for _ in range(lines):
        start, end = random.integers(0, len(canvas), (2, 2)).tolist()
        cv2.line(canvas, start, end, random.uniform(40, 215, 3).tolist(), 1)


def _fill(
    inside: NDArray[np.uint8],
    shape: str,
    center: NDArray[np.float64],
    radius: float,
    angle: float,
) -> None:
    """Set the pixels of a shape to 1."""
    if shape in _CORNERS:
        turn = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
        corners = (_CORNERS[shape] @ turn * radius + center) * 2**_FINE
        cv2.fillPoly(inside, [np.round(corners).astype(np.int32)], 1, shift=_FINE)
        return
    middle = tuple(int(value * 2**_FINE) for value in center)
    cv2.circle(inside, middle, int(radius * 2**_FINE), 1, -1, shift=_FINE)
    if shape == "ring":
        cv2.circle(inside, middle, int(radius * 0.55 * 2**_FINE), 0, -1, shift=_FINE)


def _finish(random: Generator, canvas: NDArray[np.float32]) -> Tensor:
    noise = random.standard_normal(canvas.shape, dtype=np.float32) * np.float32(_NOISE)
    values = (np.clip(canvas + noise, 0, 255) - 127.5) / 64
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1), np.float32))
