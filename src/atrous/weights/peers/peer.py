"""What is known of each peer, and how its state dict becomes one of ours."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from atrous.errors import WeightsError
from atrous.models.build import build_model
from atrous.models.config import ModelConfig, OutputStride
from atrous.runtime.card import Preprocessing
from atrous.weights.rename import Values
from atrous.weights.translated import Translated

Turn = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Brings the values of one tensor into our order."""

IMAGENET = Preprocessing(
    mean=(0.485 * 255, 0.456 * 255, 0.406 * 255), std=(0.229 * 255, 0.224 * 255, 0.225 * 255)
)
"""Mean and spread of ImageNet's pixels, as most networks of torch want them."""


@dataclass(frozen=True)
class Network:
    """A network of a peer in our words."""

    config: ModelConfig
    """The same network as ours."""
    layers: Mapping[str, str]
    """Our name of every convolution and norm, by the peer's."""
    turns: Mapping[str, Turn] = field(default_factory=dict)
    """Of our tensors whose values the peer has in another order."""
    biased: frozenset[str] = frozenset()
    """The peer's convolutions that have a bias in front of their norm."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """What it is that only the training had, or that no pixel depends on, by the beginning of its
    names."""
    preprocessing: Preprocessing = IMAGENET
    """From a picture to what the network reads."""


@dataclass(frozen=True)
class Peer:
    """A package whose checkpoints are read."""

    recognize: Callable[[Values], bool]
    """Whether a state dict is of this package, told by a few names."""
    describe: Callable[[Values, OutputStride | None], Network]
    """The network that a state dict is of, told by names and shapes. What they do not tell is as
    the package builds it by default; an output stride of None too."""


def translate(values: Values, network: Network, *, where: str) -> Translated:
    """Bring a state dict into our names and orders.

    A bias in front of a norm is taken off the norm's running mean, which is the same in evaluation.

    Args:
        values: Tensors by the peer's names.
        network: What they were found to be.
        where: The file, for messages.

    Raises:
        WeightsError: If a value has no place or a tensor of ours gets no value.
    """
    with torch.device("meta"):
        expected = build_model(network.config).state_dict()
    beginnings = tuple(network.left_out)
    taken = {
        name: value
        for name, value in values.items()
        if not name.endswith(".num_batches_tracked") and not name.startswith(beginnings)
    }
    state: dict[str, torch.Tensor] = {}
    homeless: list[str] = []
    for name, value in _without_biases(taken, network).items():
        ours = _our_name(name, network.layers)
        turned = network.turns[ours](value) if ours in network.turns else value
        if ours in expected and turned.shape == tuple(expected[ours].shape):
            state[ours] = torch.from_numpy(np.array(turned, order="C"))
        else:
            homeless.append(f"{name} {list(value.shape)}")
    wanted = {name for name in expected if not name.endswith("num_batches_tracked")}
    missing = [f"{layer}.bias" for layer in network.biased if f"{layer}.bias" not in taken]
    unfilled = [*sorted(wanted - state.keys()), *missing]
    if homeless or unfilled:
        raise WeightsError(
            f"{where}: looks like {network.config.encoder} with {network.config.decoder}, but "
            f"{len(homeless)} of its values have no place there (first: {homeless[:3]}) and "
            f"{len(unfilled)} tensors got no value (first: {unfilled[:3]})"
        )
    return Translated(network.config, state, len(values) - len(taken))


def _without_biases(values: Values, network: Network) -> Values:
    """Take every bias in front of a norm off the norm's running mean."""
    theirs = {ours: name for name, ours in network.layers.items()}
    folded = dict(values)
    for layer in network.biased:
        norm = theirs[network.layers[layer].removesuffix("conv") + "norm"]
        bias, mean = f"{layer}.bias", f"{norm}.running_mean"
        if bias in values and mean in values and values[bias].shape == values[mean].shape:
            folded[mean] = values[mean] - folded.pop(bias)
    return folded


def words_of_left_out(values: Values, network: Network) -> list[str]:
    """What a state dict has that is left out, beside the counters of its norms."""
    return [
        words
        for beginning, words in network.left_out.items()
        if any(name.startswith(beginning) for name in values)
    ]


def _our_name(name: str, layers: Mapping[str, str]) -> str:
    layer, _, leaf = name.rpartition(".")
    return f"{layers[layer]}.{leaf}" if layer in layers else ""


def rolled(channels: int, *, axis: int = 1) -> Turn:
    """Bring the last ``channels`` inputs of a convolution to the front; negative: the first back.

    Peers put ASPP's image pooling last, and some the low-level map first; ours are the other way.
    The inputs of a depthwise convolution are on ``axis`` 0.
    """
    return lambda values: np.roll(values, channels, axis=axis) if values.ndim > axis else values


def side(values: Values, name: str, axis: int = 0) -> int:
    """Length of one axis of a tensor.

    Raises:
        WeightsError: If the tensor is missing or has no such axis.
    """
    if name not in values:
        raise WeightsError(f"has no {name}")
    shape = values[name].shape
    if axis >= len(shape):
        raise WeightsError(f"its {name} has shape {list(shape)}")
    return shape[axis]
