"""Batch norms in training."""

from torch import nn

_TIME_CONSTANTS = 10
_LARGEST = 0.1


def set_norm_momentum(model: nn.Module, momentum: float | None, *, total_steps: int) -> None:
    """Choose how fast the norms' running statistics follow the batches.

    The released networks follow slowly (a decay of 0.9997 in ASPP and decoder), which takes tens
    of thousands of steps: after a few hundred, evaluation would still run on the statistics that
    an untrained network has.

    Args:
        model: The network, changed in place.
        momentum: Share of each batch in the statistics. None keeps the network's own where a run
            has room for 10 of their time constants, and takes 10 / ``total_steps`` elsewhere, at
            most 0.1.
        total_steps: Length of the run.
    """
    least = min(_LARGEST, _TIME_CONSTANTS / max(total_steps, 1))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = momentum or max(module.momentum or 0.0, least)
