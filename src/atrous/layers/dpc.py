"""The dense prediction cell, found by search in place of ASPP.

Chen et al., *Searching for Efficient Multi-Scale Architectures for Dense Image Prediction*, 2018,
figure 5; the release ships it with Xception-71 for Cityscapes.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from atrous.layers.conv import ConvNormAct, SeparableConv


class Branch(NamedTuple):
    """One atrous separable convolution of the cell."""

    atrous_rate: tuple[int, int]
    """Rates down and across at output stride 16."""
    reads: int | None
    """The branch whose result it reads; None for the input."""


BRANCHES = (
    Branch((1, 6), None),
    Branch((18, 15), 0),
    Branch((6, 3), 1),
    Branch((1, 1), 0),
    Branch((6, 21), 0),
)
"""The cell with the best result on Cityscapes."""


class DensePredictionCell(nn.Module):
    """Atrous convolutions that read each other's results, concatenated and projected.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of each branch and of the result.
        output_stride: Of the input; the rates are for 16, doubled at 8 and halved at 32.
        dropout: Probability that a value of the concatenation is dropped in training.
    """

    def __init__(
        self, in_channels: int, out_channels: int = 256, *, output_stride: int, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.branches = nn.ModuleList(
            SeparableConv(
                in_channels if reads is None else out_channels,
                out_channels,
                atrous_rate=_at(output_stride, rates),
            )
            for rates, reads in BRANCHES
        )
        self.dropout = nn.Dropout(dropout)
        self.project = ConvNormAct(len(BRANCHES) * out_channels, out_channels, activation=nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, h, w) -> (B, out_channels, h, w)."""
        seen: list[Tensor] = []
        for branch, (_, reads) in zip(self.branches, BRANCHES, strict=True):
            seen.append(branch(x if reads is None else seen[reads]))
        return self.project(self.dropout(torch.cat(seen, dim=1)))


def _at(output_stride: int, rates: tuple[int, int]) -> tuple[int, int]:
    down, across = (max(rate * 16 // output_stride, 1) for rate in rates)
    return down, across
