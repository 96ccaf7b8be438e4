"""DeepLab V3: the context of ASPP and nothing else."""

from collections.abc import Sequence

from torch import Tensor, nn

from atrous.encoders import FeatureSpec
from atrous.layers.aspp import ASPP


class DeepLabV3Decoder(nn.Module):
    """Gather context from the deepest map and leave it at the output stride.

    Args:
        feature_specs: What the encoder returns, from fine to coarse.
        atrous_rates: Rates of the ASPP branches; may be empty.
        channels: Width of ASPP and of the result.
        separable: Whether the atrous branches are depthwise separable.
        image_pooling: Whether ASPP has a branch with the mean of the whole map.
    """

    def __init__(
        self,
        feature_specs: Sequence[FeatureSpec],
        *,
        atrous_rates: Sequence[int],
        channels: int = 256,
        separable: bool = True,
        image_pooling: bool = True,
    ) -> None:
        super().__init__()
        self.out_channels = channels
        self.aspp = ASPP(
            feature_specs[-1].channels,
            channels,
            atrous_rates=atrous_rates,
            separable=separable,
            image_pooling=image_pooling,
        )

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Maps from fine to coarse -> (B, channels, h, w) of the deepest."""
        return self.aspp(features[-1])
