"""The weights, pictures and labels that the official TensorFlow graph was run with.

Every weight is a function of its TensorFlow name and shape alone. The functions are a fact about
stored numbers, not a choice of ours: change nothing here. Nothing but numpy is imported, as
`tools/official_training.py` runs where there is no torch.
"""

import re
import zlib

import numpy as np
from numpy.typing import NDArray

IGNORED = 255


def variable(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The value that the variable ``name`` had in the official graph."""
    random = np.random.RandomState(zlib.crc32(name.encode()) & 0x7FFF_FFFF)
    match name.rsplit("/", 1)[-1]:
        case "depthwise_weights":
            value = random.standard_normal(shape) * np.sqrt(2.0 / np.prod(shape[:2]))
        case "weights":
            value = random.standard_normal(shape) * np.sqrt(1.2 / np.prod(shape[:3]))
        case "gamma":
            ends_a_residual = r"(separable_conv3_pointwise|conv3|project)/BatchNorm"
            value = random.uniform(0.6, 1.4, shape)
            value *= 0.5 if re.search(ends_a_residual, name) else 1.0
        case "moving_variance":
            value = random.uniform(0.6, 1.4, shape)
        case leaf:
            spread = {"biases": 0.5, "beta": 0.3, "moving_mean": 0.2}[leaf]
            value = random.standard_normal(shape) * spread
    return value.astype(np.float32)


def pixels(batch: int, height: int, width: int) -> NDArray[np.float32]:
    """The pictures that the official graph was shown, (B, H, W, 3) from 0 to 255."""
    random = np.random.RandomState(1_000_003 * batch + 1009 * height + width)
    rows, columns = np.mgrid[0:height, 0:width]
    waves = np.empty((batch, height, width, 3))
    for index in np.ndindex(batch, 3):
        down, across, phase = (
            random.uniform(low, high) for low, high in ((1, 9), (1, 9), (0, 6.28))
        )
        angle = down * rows / height * 3.14159 + across * columns / width * 3.14159 + phase
        waves[index[0], :, :, index[1]] = 127.5 + 90 * np.sin(angle)
    waves += random.uniform(-35, 35, waves.shape)
    return np.round(np.clip(waves, 0, 255)).astype(np.float32)


def blocks(batch: int, height: int, width: int, *, num_classes: int) -> NDArray[np.int32]:
    """Labels (B, H, W): squares of 13 pixels, some of them and a border of 3 pixels ignored."""
    random = np.random.RandomState(17)
    rows, columns = -(-height // 13), -(-width // 13)
    squares = random.randint(0, num_classes + 2, (batch, rows, columns))
    squares[squares >= num_classes] = IGNORED
    labels = squares.repeat(13, axis=1).repeat(13, axis=2)[:, :height, :width].astype(np.int32)
    inside = np.zeros_like(labels, dtype=bool)
    inside[:, 3:-3, 3:-3] = True
    return np.where(inside, labels, np.int32(IGNORED))
