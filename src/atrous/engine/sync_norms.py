"""Batch norms whose statistics are those of all processes."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


class _Sum(torch.autograd.Function):
    """Sum a tensor over all processes; its gradient is summed likewise."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ARG004, autograd's signature
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004, autograd's signature
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total


class SyncedBatchNorm2d(nn.BatchNorm2d):
    """Batch norm over the batches of all processes, on any device.

    `torch.nn.SyncBatchNorm` is that for CUDA and refuses tensors on a CPU. Mean and variance are
    summed one after the other, since the difference of two large sums would not be exact.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        if not self.training:
            return super().forward(x)
        values = x if x.dtype == torch.float64 else x.float()
        count = torch.full(
            (1,), float(x.numel() // x.shape[1]), device=x.device, dtype=values.dtype
        )
        sums = _Sum.apply(torch.cat([values.sum(dim=(0, 2, 3)), count]))
        total = sums[-1].detach()
        mean = sums[:-1] / total
        centred = values - mean[:, None, None]
        variance = _Sum.apply(centred.square().sum(dim=(0, 2, 3))) / total
        self._follow(mean.detach(), variance.detach() * total / (total - 1).clamp(min=1))
        scale = (variance + self.eps).rsqrt() * self.weight
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        for running, value in ((self.running_mean, mean), (self.running_var, variance)):
            if running is not None:
                running.lerp_(value.to(running.dtype), self.momentum or 0.0)
        if self.num_batches_tracked is not None:
            self.num_batches_tracked.add_(1)


@contextlib.contextmanager
def waiting_for_nobody(model: nn.Module) -> Iterator[None]:
    """Have norms of all processes take their running statistics, so that each can run by itself."""
    kinds = (SyncedBatchNorm2d, nn.SyncBatchNorm)
    norms = [part for part in model.modules() if isinstance(part, kinds) and part.training]
    for norm in norms:
        norm.eval()
    try:
        yield
    finally:
        for norm in norms:
            norm.train()


def synchronize_norms(model: nn.Module) -> None:
    """Replace the batch norms of a model by ones that see the batches of all processes."""
    if torch.cuda.is_available():
        nn.SyncBatchNorm.convert_sync_batchnorm(model)
        return
    for parent in list(model.modules()):
        for name, norm in parent.named_children():
            if isinstance(norm, nn.BatchNorm2d):
                synced = SyncedBatchNorm2d(norm.num_features, norm.eps, norm.momentum)
                synced.to(norm.weight).train(norm.training)
                synced.load_state_dict(norm.state_dict())
                setattr(parent, name, synced)
