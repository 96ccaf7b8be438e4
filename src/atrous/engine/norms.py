"""Batch norms in training."""

from functools import partial
from typing import Literal, TypeAlias

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

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


NormPolicy: TypeAlias = Literal["train", "frozen_statistics", "frozen"]
_SMALLEST_BATCH = 4


def norm_policy_for(batch_per_device: int, *, pretrained: bool) -> tuple[NormPolicy, str]:
    """Whether batch norms can learn from batches of a size, and why.

    The statistics of fewer than 4 pictures are too noisy: the error of a ResNet-50 on ImageNet
    goes from 23.7 % with 16 pictures in a batch over 27.3 % with 4 to 34.7 % with 2 (Wu and He,
    arXiv:1803.08494, table 2). The released code's advice is stricter: 12 at least, better 16.

    Args:
        batch_per_device: Samples that go through the network at once on one device.
        pretrained: Whether the network begins with statistics that mean something. Those of an
            untrained one must be learnt, however small the batch.

    Returns:
        The policy, and a sentence for the log.
    """
    pictures = f"{batch_per_device} sample{'' if batch_per_device == 1 else 's'} on a device"
    if batch_per_device >= _SMALLEST_BATCH:
        return "train", f"{pictures}: enough for batch norms to learn from"
    if not pretrained:
        return "train", (
            f"{pictures}: few for batch norms, which learn all the same, as the network starts "
            "without statistics; start from weights, or raise the batch to 4 or more"
        )
    return "frozen_statistics", (
        f"{pictures}: too few for batch norms, which keep the statistics of the weights that "
        "training starts from; their scales and offsets learn"
    )


def apply_norm_policy(model: nn.Module, policy: NormPolicy) -> None:
    """Make batch norms learn or keep what they have, whatever ``model.train()`` is called later.

    Call it before the optimizer and copies of the network are made, and again to change the
    policy; behind anything that puts other norms in their place.

    Args:
        model: The network, changed in place.
        policy: ``train``: norms follow the mode of the network. ``frozen_statistics``: they
            normalize by their running statistics and do not change them; scale and offset learn,
            as with ``fine_tune_batch_norm`` False in the released code. ``frozen``: scale and
            offset stay too.
    """
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            vars(module).pop("train", None)
            module.train(policy == "train" and model.training)
            if policy != "train":
                module.train = partial(_stay, module)  # type: ignore[assignment, method-assign]
            for parameter in module.parameters():
                parameter.requires_grad_(policy != "frozen")


def _stay(module: nn.Module, mode: bool = True) -> nn.Module:  # noqa: ARG001
    """`torch.nn.Module.train` of a norm that never leaves evaluation."""
    return module
