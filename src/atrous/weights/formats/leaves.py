"""The last parts of variables' names, what they are to us, and how their axes lie."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray


def dense(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """A dense kernel (h, w, in, out) in torch's layout."""
    return values.transpose(3, 2, 0, 1)


def depthwise(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """A depthwise kernel (h, w, channels, 1) in torch's layout."""
    return values.transpose(2, 3, 0, 1)


def as_is(values: NDArray[np.generic]) -> NDArray[np.generic]:
    """For what both sides lay out alike."""
    return values


Leaves = Mapping[str, tuple[str, Callable[[NDArray[np.generic]], NDArray[np.generic]]]]
"""Our name of each leaf, and how its axes are turned."""

CHECKPOINT_LEAVES: Leaves = {
    "weights": ("conv.weight", dense),
    "depthwise_weights": ("conv.weight", depthwise),
    "biases": ("bias", as_is),
    "BatchNorm/gamma": ("norm.weight", as_is),
    "BatchNorm/beta": ("norm.bias", as_is),
    "BatchNorm/moving_mean": ("norm.running_mean", as_is),
    "BatchNorm/moving_variance": ("norm.running_var", as_is),
}
"""Of a checkpoint, in TensorFlow's layouts."""


def turned(values: NDArray[np.generic], leaf: str) -> NDArray[np.generic]:
    """A variable of a checkpoint, by its leaf, in the layout of torch."""
    _, convert = CHECKPOINT_LEAVES[leaf]
    return convert(values)


FOLDED_LEAVES: Leaves = {"weights": ("conv.weight", as_is), "biases": ("norm.bias", as_is)}
"""Of a graph whose norms were folded into the convolutions, in torch's layouts."""
