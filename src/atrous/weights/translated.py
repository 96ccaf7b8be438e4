"""A network of others in our words."""

from dataclasses import dataclass

import torch

from atrous.models.config import ModelConfig
from atrous.runtime.card import Preprocessing


@dataclass(frozen=True)
class Translated:
    """A checkpoint in our words."""

    config: ModelConfig
    """The network it was found to be."""
    state: dict[str, torch.Tensor]
    """A value for every tensor of that network, but for what folded norms lack."""
    skipped: int
    """Variables of the training that were left out."""


@dataclass(frozen=True)
class Foreign:
    """A network of others in our words."""

    kind: str
    """What people call the file."""
    translated: Translated
    """The network and its values."""
    tensors: int
    """Values that were taken."""
    preprocessing: Preprocessing
    """From a picture to what the network reads."""
    left_out: str = ""
    """What of a network was left out, if anything was."""
