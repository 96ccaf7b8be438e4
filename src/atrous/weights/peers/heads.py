"""torchvision's names of ASPP, which most peers kept, in ours; and classifiers of one class."""

import numpy as np

from atrous.weights.peers.peer import Turn, rolled, side
from atrous.weights.rename import Values

_ASPP = "decoder.context"

Halves = tuple[str, str] | None
"""Names of the depthwise and the pointwise half of a separable convolution; None if it is plain."""


def halves_of(values: Values, conv: str, halves: tuple[str, str]) -> Halves:
    """``halves`` if the convolution of that name is separable, else None."""
    return halves if f"{conv}.{halves[0]}.weight" in values else None


def conv_layers(conv: str, norm: str, ours: str, halves: Halves = None) -> dict[str, str]:
    """A convolution and its norm, and ours."""
    if halves is None:
        return {conv: f"{ours}.conv", norm: f"{ours}.norm"}
    return {
        f"{conv}.{halves[0]}": f"{ours}.depthwise.conv",
        f"{conv}.{halves[1]}": f"{ours}.pointwise.conv",
        norm: f"{ours}.pointwise.norm",
    }


def aspp_layers(prefix: str, halves: Halves = None) -> dict[str, str]:
    """Torchvision's layers of ASPP with three rates, and ours."""
    layers = conv_layers(f"{prefix}.convs.0.0", f"{prefix}.convs.0.1", f"{_ASPP}.branches.0")
    for branch in (1, 2, 3):
        theirs = f"{prefix}.convs.{branch}"
        layers |= conv_layers(f"{theirs}.0", f"{theirs}.1", f"{_ASPP}.branches.{branch}", halves)
    layers |= conv_layers(f"{prefix}.convs.4.1", f"{prefix}.convs.4.2", f"{_ASPP}.image_pool")
    return layers | conv_layers(f"{prefix}.project.0", f"{prefix}.project.1", f"{_ASPP}.project")


def aspp_turns(channels: int) -> dict[str, Turn]:
    """Image pooling, of so many channels, goes from the last place of ASPP to the first."""
    return {f"{_ASPP}.project.conv.weight": rolled(channels)}


def count_classes(values: Values, classifier: str) -> tuple[int, dict[str, Turn]]:
    """Classes of a network, and how its classifier becomes ours.

    A single logit tells a pixel's foreground from its background by a sigmoid. Beside a background
    whose logit is always 0, softmax and the strongest class say the same.
    """
    classes = side(values, f"{classifier}.weight")
    if classes > 1:
        return classes, {}
    return 2, {"classifier.weight": _behind_zeros, "classifier.bias": _behind_zeros}


def _behind_zeros(values: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros_like(values), values])
