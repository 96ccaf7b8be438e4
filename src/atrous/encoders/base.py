"""What every encoder promises."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class FeatureSpec:
    """Channels of a feature map, and its stride against the input in pixels."""

    channels: int
    stride: int


class Encoder(nn.Module, ABC):
    """Turns images into feature maps, ordered from fine to coarse.

    ``feature_specs`` has one entry for each map that ``forward`` returns, in the same order, so
    that a decoder can be sized without running the encoder. There is always a map at stride 4,
    and the last map is the deepest, at the output stride. Every side is rounded up:
    ceil((H - unpadded) / stride).
    """

    feature_specs: tuple[FeatureSpec, ...]
    family: str = ""
    """Only encoders of one family can start from each other's weights: with tensors of the same
    shapes, strides may be in other places, or norms have another epsilon."""
    unpadded: int = 0
    """Rows and columns of the picture that only padding could cover, where there is none."""

    @abstractmethod
    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(B, in_channels, H, W) -> one (B, channels, H / stride, W / stride) for each spec."""
