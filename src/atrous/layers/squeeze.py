"""Gates: channels weighed by what the whole map shows."""

import torch.nn.functional as F
from torch import Tensor, nn


class HardSigmoid(nn.Module):
    """The sigmoid in straight lines, from 0 at -3 to 1 at 3.

    The released code multiplies by 0.16667 rather than by a sixth, and so does this.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same shape, values from 0 to 1.00002."""
        return F.relu6(x + 3) * 0.16667


class SqueezeExcite(nn.Module):
    """Weigh each channel by a small network that reads the means of all channels.

    Args:
        channels: Channels of the map.
        squeezed: Channels between the two layers of the small network.
        exact: Whether the gate multiplies by a sixth, as torch's own does.
    """

    def __init__(self, channels: int, squeezed: int, *, exact: bool = False) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, squeezed, kernel_size=1)
        self.expand = nn.Conv2d(squeezed, channels, kernel_size=1)
        self.relu = nn.ReLU()
        self.gate = nn.Hardsigmoid() if exact else HardSigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, h, w) -> the same shape."""
        means = x.mean(dim=(2, 3), keepdim=True)
        return x * self.gate(self.expand(self.relu(self.reduce(means))))
