"""Encoder, decoder and classifier as one network."""

from torch import Tensor, nn

from atrous.encoders import Encoder
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

    def logits_at_stride(self, images: Tensor) -> Tensor:
        """Normalized (B, in_channels, H, W) -> logits at the decoder's stride."""
        return self.classifier(self.decoder(self.encoder(images)))

    def forward(self, images: Tensor) -> Tensor:
        """Normalized (B, in_channels, H, W) -> logits (B, num_classes, H, W)."""
        height, width = images.shape[-2:]
        logits = self.logits_at_stride(images)
        return resize(logits, (height, width), align_corners=self.align_corners)
