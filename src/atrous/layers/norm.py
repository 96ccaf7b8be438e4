"""Batch norm as the networks of the papers use it."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch.nn.functional as F
from torch import Tensor, nn

NormBuilder: TypeAlias = Callable[[int], nn.Module]
"""Builds a normalization layer for a number of channels."""

# TensorFlow counts momentum the other way round: its decay of 0.9997 is our 0.0003.
xception_norm: NormBuilder = partial(nn.BatchNorm2d, eps=1e-3, momentum=3e-4)
"""Batch norm of the aligned Xception: epsilon 1e-3, decay 0.9997."""

keras_norm: NormBuilder = partial(nn.BatchNorm2d, eps=1e-3, momentum=1e-2)
"""Batch norm of the original Xception: epsilon 1e-3, decay 0.99."""

mobilenet_norm: NormBuilder = partial(nn.BatchNorm2d, eps=1e-3, momentum=3e-3)
"""Batch norm of MobileNetV2: epsilon 1e-3, decay 0.997."""

resnet_norm: NormBuilder = partial(nn.BatchNorm2d, eps=1e-5, momentum=5e-2)
"""Batch norm of the released ResNets: epsilon 1e-5, decay 0.95."""

torch_norm: NormBuilder = nn.BatchNorm2d
"""Batch norm of networks that were born in torch: epsilon 1e-5, momentum 0.1."""

head_norm: NormBuilder = partial(nn.BatchNorm2d, eps=1e-5, momentum=3e-4)
"""Batch norm of ASPP and decoder: epsilon 1e-5, decay 0.9997."""


class PooledBatchNorm2d(nn.BatchNorm2d):
    """Batch norm for maps pooled to one pixel, where a batch of one has no variance.

    With one value in each channel it normalizes by its running statistics and leaves them
    alone; otherwise it is `torch.nn.BatchNorm2d`.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, 1, 1) -> (B, C, 1, 1)."""
        if self.training and x.numel() == x.shape[1]:
            return F.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps
            )
        return super().forward(x)


pooled_head_norm: NormBuilder = partial(PooledBatchNorm2d, eps=1e-5, momentum=3e-4)
"""`head_norm` behind global pooling."""
