"""Weights of a first convolution for pictures of another number of channels."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from atrous.weights.rename import Values


def spread_input_channels(
    values: Mapping[str, Tensor], state: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Values of an encoder whose first convolution reads as many channels as the model's.

    Each channel gets the mean over the channels of the start, times their number over the
    model's. So a picture of N equal channels gives what it gives in the start, and grey what it
    gives there as three equal channels.

    Args:
        values: By name; the first of four dimensions is the first convolution.
        state: The model's, by the same names.
    """
    filled = dict(values)
    name = next((name for name, value in state.items() if value.ndim == 4), "")
    weights, wanted = filled.get(name), state[name].shape if name else None
    if weights is None or wanted is None or weights.ndim != 4:
        return filled
    given, channels = weights.shape[1], wanted[1]
    same_else = weights.shape[:1] == wanted[:1] and weights.shape[2:] == wanted[2:]
    if same_else and given != channels:
        mean = weights.double().mean(dim=1, keepdim=True) * (given / channels)
        filled[name] = mean.expand(wanted).to(weights.dtype).contiguous()
    return filled


def fit_input_channels(values: Values, state: Mapping[str, Tensor]) -> Values:
    """The same for arrays of a whole model, by names that begin with ``encoder.``."""
    encoder = {name: value for name, value in state.items() if name.startswith("encoder.")}
    name = next((name for name, value in encoder.items() if value.ndim == 4), "")
    if name not in values:
        return values
    read: Any = torch.from_numpy(np.ascontiguousarray(values[name]))
    return {**values, name: spread_input_channels({name: read}, encoder)[name].numpy()}
