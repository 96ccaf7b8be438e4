"""Max pooling that can keep its resolution, and pad as TensorFlow does."""

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
