"""Windows that slide over a picture, and one map of logits from all of them."""

from itertools import product
from math import ceil

import numpy as np

from atrous.errors import ConfigError
from atrous.runtime.engine import Engine, Tensor4, stride_of
from atrous.runtime.windows import LARGEST_STRIDE, window_starts

_STEP = 2 / 3
"""Of a window's side from one to the next, as PSPNet and those after it evaluate."""
LEAST_WINDOW = 2 * LARGEST_STRIDE
"""Shortest side of a window."""


class SlidingEngine:
    """An engine that sees a large picture window by window.

    Where windows overlap their logits are averaged, on the grid that the network's logits of the
    whole picture would have. Pictures that fit into one window are seen whole.

    Args:
        engine: Sees the windows.
        window: Height and width of a window in the pixels that the network sees.

    Raises:
        ConfigError: If a side is shorter than 64.
    """

    def __init__(self, engine: Engine, window: tuple[int, int]) -> None:
        if min(window) < LEAST_WINDOW:
            height, width = window
            raise ConfigError(
                f"windows of {height}x{width} are too small to slide; take "
                f"{LEAST_WINDOW}x{LEAST_WINDOW} or more, best the size of the crops in training"
            )
        self.engine = engine
        self.window = window
        self.name = f"{engine.name}, windows of {window[0]}x{window[1]}"

    def run(self, images: Tensor4) -> Tensor4:
        """(B, C, H, W) -> (B, num_classes, ceil(H / s), ceil(W / s)) of any stride s up to 32."""
        height, width = images.shape[2:]
        down, across = (
            window_starts(side, window, int(window * _STEP))
            for side, window in zip((height, width), self.window, strict=True)
        )
        if len(down) == len(across) == 1:
            return self.engine.run(images)
        total, times, stride = np.zeros(0, np.float32), np.zeros(0, np.float32), 1
        for top, left in product(down, across):
            seen = images[:, :, top : top + self.window[0], left : left + self.window[1]]
            logits = self.engine.run(np.ascontiguousarray(seen))
            if not total.size:  # of the first window, which is the largest
                stride = stride_of(seen.shape[2:], logits.shape[2:])
                grid = ceil(height / stride), ceil(width / stride)
                total = np.zeros((*logits.shape[:2], *grid), np.float32)
                times = np.zeros(grid, np.float32)
            rows, columns = (
                slice(start // stride, start // stride + length)
                for start, length in zip((top, left), logits.shape[2:], strict=True)
            )
            total[:, :, rows, columns] += logits
            times[rows, columns] += 1
        total /= times
        return total
