"""Pooling: maxima that can keep their resolution, and means over windows or the whole map."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from atrous.layers.conv import Padding, pad_same


class MaxPool(nn.Module):
    """3x3 max pooling with an atrous rate, padded on both sides or as TensorFlow does.

    Args:
        stride: Input pixels for each output pixel.
        atrous_rate: Spacing of the window's taps.
        padding: See `atrous.layers.conv.Padding`.
    """

    def __init__(self, *, stride: int, atrous_rate: int = 1, padding: Padding) -> None:
        super().__init__()
        self.stride, self.atrous_rate = stride, atrous_rate
        self.same = padding == "same"
        # MaxPool2d pads by half a dense window at most, so wider pads are put on first.
        self.pads_itself = self.same or atrous_rate > 1
        self.pool = nn.MaxPool2d(
            3, stride, padding=0 if self.pads_itself else 1, dilation=atrous_rate
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C, ceil(h / stride), ceil(w / stride))."""
        if self.pads_itself:
            x = pad_same(
                x,
                kernel_size=3,
                stride=self.stride if self.same else 1,
                atrous_rate=self.atrous_rate,
                value=float("-inf"),
            )
        return self.pool(x)


class MeanPool(nn.Module):
    """Means over windows of a map, or of the whole map.

    Args:
        window: Rows and columns of a window; None is the whole map. A map that is smaller in one
            direction is a whole window in that direction.
        stride: Rows and columns from one window to the next; no window reaches out of the map.
    """

    def __init__(
        self, window: tuple[int, int] | None = None, *, stride: tuple[int, int] = (1, 1)
    ) -> None:
        super().__init__()
        self.window, self.stride = window, stride

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, C, 1, 1), or as many rows and columns as windows fit."""
        if self.window is None:
            return x.mean(dim=(2, 3), keepdim=True)
        # Small maps are filled up with zeros and the mean is taken of the real pixels alone;
        # without a branch, so that an exported graph holds for every size.
        lacks: list[Any] = [
            torch.sym_max(wanted - side, 0)
            for wanted, side in zip(self.window, x.shape[-2:], strict=True)
        ]
        rows, columns = (wanted - lack for wanted, lack in zip(self.window, lacks, strict=True))
        means = F.avg_pool2d(F.pad(x, (0, lacks[1], 0, lacks[0])), self.window, self.stride)
        return means * (self.window[0] * self.window[1] / (rows * columns))
