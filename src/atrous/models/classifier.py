"""Xception as a classifier of whole pictures (Chollet, 2017, figure 5)."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from atrous.encoders.xception_original import Xception
from atrous.layers.init import init_encoder


class XceptionClassifier(nn.Module):
    """Entry, middle and exit flow, the mean over the map, and a logistic regression.

    With 1000 classes it has the 22,855,952 parameters of the paper's table 3. Max pooling is
    padded as TensorFlow does, so that Keras' weights give Keras' logits at every size.

    Args:
        num_classes: Length of the logits.
        fully_connected: Widths of layers before the regression, each with a ReLU; the paper uses
            two of 4096 on JFT and none on ImageNet.
        dropout: Probability that a value is dropped before the regression, in training; 0.5 on
            ImageNet.
        in_channels: Channels of the images.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        *,
        fully_connected: Sequence[int] = (),
        dropout: float = 0.5,
        in_channels: int = 3,
    ) -> None:
        super().__init__()
        self.encoder = Xception(
            output_stride=32, in_channels=in_channels, padding="same", padded_root=False
        )
        widths = (self.encoder.feature_specs[-1].channels, *fully_connected)
        self.hidden = nn.Sequential(
            *(
                nn.Sequential(nn.Linear(before, after), nn.ReLU())
                for before, after in pairwise(widths)
            )
        )
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(widths[-1], num_classes)
        init_encoder(self.encoder)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, in_channels, H, W) from -1 to 1, sides of 71 and more -> (B, num_classes)."""
        pooled = self.encoder(images)[-1].mean(dim=(2, 3))
        return self.classifier(self.dropout(self.hidden(pooled)))
