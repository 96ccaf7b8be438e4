"""Encoder, decoder and classifier as one network."""

from torch import Tensor, nn

from atrous.encoders import Encoder
from atrous.errors import ConfigError
from atrous.layers.pool import MeanPool
from atrous.layers.resize import resize
from atrous.runtime.bilinear import AlignCorners


class Segmenter(nn.Module):
    """A network that gives each pixel a logit for each class.

    Args:
        encoder: Images to feature maps.
        decoder: Feature maps to one map; tells its width as ``out_channels``.
        num_classes: Channels of the logits; None for a decoder that gives logits itself.
        align_corners: How logits are resized to the image, see `atrous.layers.resize.resize`.
    """

    def __init__(
        self,
        encoder: Encoder,
        decoder: nn.Module,
        *,
        num_classes: int | None,
        align_corners: AlignCorners = False,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.classifier = (
            nn.Identity()
            if num_classes is None
            else nn.Conv2d(int(decoder.out_channels), num_classes, kernel_size=1)  # type: ignore[arg-type]
        )
        self.align_corners = align_corners

    @property
    def image_pool(self) -> MeanPool | None:
        """What takes the means of the whole map; None where nothing does."""
        pools = (part for part in self.decoder.modules() if isinstance(part, MeanPool))
        return next((pool for pool in pools if pool.window is None), None)

    def logits_at_stride(self, images: Tensor, means: Tensor | None = None) -> Tensor:
        """Normalized (B, in_channels, H, W) -> logits at the decoder's stride.

        Args:
            images: Pictures, or parts of a larger one.
            means: What image pooling takes instead of the means over ``images``, for models that
                have an `image_pool`: (1 or B, channels, 1, 1), as `context_of` gives.
        """
        features = self.encoder(images)
        return self.classifier(
            self.decoder(features) if means is None else self.decoder(features, means)
        )

    def context_of(self, images: Tensor) -> Tensor:
        """Normalized (B, in_channels, H, W) -> the means (B, channels, 1, 1) of image pooling.

        Raises:
            ConfigError: If the model has no `image_pool`.
        """
        pool = self.image_pool
        if pool is None:
            raise ConfigError("this model takes no means over whole pictures")
        return pool(self.encoder(images)[-1])

    def forward(self, images: Tensor) -> Tensor:
        """Normalized (B, in_channels, H, W) -> logits (B, num_classes, H, W)."""
        height, width = images.shape[-2:]
        logits = self.logits_at_stride(images)
        return resize(logits, (height, width), align_corners=self.align_corners)
