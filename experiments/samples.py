"""A sheet of what networks are shown: pictures of each class, and scenes with their labels."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from atrous.data.sampling import generator_for
from experiments.drawings import PICTURE_CLASSES, draw_picture, draw_scene
from experiments.training import TEST_EPOCH

_SCENES = 6
_GAP = 3
_PALETTE = np.array(
    [(40, 40, 40), (213, 94, 0), (230, 159, 0), (0, 114, 178), (0, 158, 115), (255, 255, 255)],
    np.uint8,
)


def write_samples(path: Path) -> None:
    """Write the sheet as PNG: a row of pictures, one of scenes, and one of labels."""
    rows = [_picture_row(), *_scene_rows()]
    Image.fromarray(np.concatenate(rows)).save(path, optimize=True)


def _picture_row() -> NDArray[np.uint8]:
    """The first test picture of each class, twice as large."""
    first: dict[int, Tensor] = {}
    index = 0
    while len(first) < PICTURE_CLASSES:
        picture, answer = draw_picture(generator_for(0, TEST_EPOCH, index))
        first.setdefault(int(answer), picture)
        index += 1
    cells = [_pixels(first[number]).repeat(2, 0).repeat(2, 1) for number in sorted(first)]
    return _beside(cells)


def _scene_rows() -> list[NDArray[np.uint8]]:
    drawn = [draw_scene(generator_for(0, TEST_EPOCH, index)) for index in range(_SCENES)]
    return [
        _beside([_pixels(scene) for scene, _ in drawn]),
        _beside([_PALETTE[labels.numpy()] for _, labels in drawn]),
    ]


def _pixels(picture: Tensor) -> NDArray[np.uint8]:
    values = picture.numpy().transpose(1, 2, 0) * 64 + 127.5
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def _beside(cells: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Cells in a row as wide as ten pictures, white around them."""
    framed = [np.pad(c, ((_GAP, _GAP), (_GAP, _GAP), (0, 0)), constant_values=255) for c in cells]
    row = np.concatenate(framed, axis=1)
    width = PICTURE_CLASSES * (64 + 2 * _GAP)
    return np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)), constant_values=255)
