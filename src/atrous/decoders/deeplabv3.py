"""DeepLab V3: the context and nothing else."""

from collections.abc import Sequence

from torch import Tensor, nn

from atrous.decoders.base import Context, gather


class DeepLabV3Decoder(nn.Module):
    """Gather context from the deepest map and leave it at the output stride.

    Args:
        context: What reads the deepest map.
    """

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.out_channels = context.out_channels

    def forward(self, features: Sequence[Tensor], means: Tensor | None = None) -> Tensor:
        """Maps from fine to coarse -> (B, channels, h, w) of the deepest.

        Args:
            features: The maps.
            means: See `atrous.layers.aspp.ASPP.forward`.
        """
        return gather(self.context, features[-1], means)
