"""What decoders are made of, and how they find a fine map."""

from collections.abc import Sequence
from typing import TypeAlias

from torch import Tensor

from atrous.encoders import FeatureSpec
from atrous.errors import ConfigError
from atrous.layers.aspp import ASPP
from atrous.layers.dpc import DensePredictionCell

Context: TypeAlias = ASPP | DensePredictionCell
"""Gathers context from the deepest map and leaves its size."""


def gather(context: Context, x: Tensor, means: Tensor | None) -> Tensor:
    """Read the deepest map, with the means of a larger one if there are any."""
    return context(x) if means is None else context(x, means)


def find_stride(feature_specs: Sequence[FeatureSpec], stride: int) -> int:
    """The place of the fine map at a stride, among the maps before the deepest.

    Raises:
        ConfigError: If the encoder returns no map there.
    """
    strides = [spec.stride for spec in feature_specs[:-1]]
    if stride not in strides:
        raise ConfigError(
            f"the decoder needs a map at stride {stride} that is finer than the deepest; the "
            f"encoder has {strides} before its deepest at {feature_specs[-1].stride}"
        )
    return strides.index(stride)
