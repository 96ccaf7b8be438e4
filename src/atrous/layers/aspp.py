"""Atrous spatial pyramid pooling."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from atrous.layers.conv import ConvNormAct, head_conv
from atrous.layers.norm import pooled_head_norm
from atrous.layers.pool import MeanPool
from atrous.layers.resize import resize
from atrous.runtime.bilinear import AlignCorners


class ASPP(nn.Module):
    """Look at one feature map with several fields of view and merge what they see.

    The branches, in the order of the published weights: the mean of the whole map, a 1x1
    convolution, and one atrous 3x3 convolution for each rate (DeepLab V3, section 3.3; the
    separable form is DeepLab V3+, section 3.1).

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of each branch and of the merged result.
        atrous_rates: One rate for each 3x3 branch, in pixels of the input map; may be empty.
        separable: Whether the 3x3 branches are depthwise separable.
        bare: See `atrous.layers.conv.head_conv`.
        image_pool: Takes the means for the branch that sees the whole map, or large windows of
            it; None leaves the branch out.
        align_corners: How the means of several windows are resized to the map, see
            `atrous.layers.resize.resize`.
        dropout: Probability that a value of the merged result is dropped in training.
        behind: Convolutions that read the merged result, as wide; None for none.
    """

    def __init__(  # noqa: PLR0913
        self,
        in_channels: int,
        out_channels: int = 256,
        *,
        atrous_rates: Sequence[int],
        separable: bool = True,
        bare: bool = False,
        image_pool: MeanPool | None = None,
        align_corners: AlignCorners = False,
        dropout: float = 0.1,
        behind: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.align_corners = align_corners
        self.mean = image_pool
        self.image_pool = (
            ConvNormAct(in_channels, out_channels, norm=pooled_head_norm, activation=nn.ReLU())
            if image_pool
            else None
        )
        self.branches = nn.ModuleList(
            [ConvNormAct(in_channels, out_channels, activation=nn.ReLU())]
        )
        for rate in atrous_rates:
            self.branches.append(
                head_conv(
                    in_channels, out_channels, separable=separable, bare=bare, atrous_rate=rate
                )
            )
        branches = len(self.branches) + (image_pool is not None)
        self.project = ConvNormAct(branches * out_channels, out_channels, activation=nn.ReLU())
        self.dropout = nn.Dropout(dropout)
        self.behind = behind or nn.Identity()

    def forward(self, x: Tensor, means: Tensor | None = None) -> Tensor:
        """(B, in_channels, h, w) -> (B, out_channels, h, w).

        Args:
            x: The map.
            means: Taken by image pooling instead of those of ``x``, where it is a part of a
                larger map: (1 or B, in_channels, 1, 1).
        """
        seen = [branch(x) for branch in self.branches]
        if self.mean is not None and self.image_pool is not None:
            whole = self.image_pool(self.mean(x) if means is None else means)
            if self.mean.window is None:
                whole = whole.expand(x.shape[0], -1, *x.shape[-2:])
            else:
                height, width = x.shape[-2:]
                whole = resize(whole, (height, width), align_corners=self.align_corners)
            seen.insert(0, whole)
        return self.behind(self.dropout(self.project(torch.cat(seen, dim=1))))
