"""Encoders as classifiers of whole pictures; with Xception that of Chollet, 2017 (figure 5)."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from atrous.encoders import ENCODERS, Encoder, EncoderBuilder
from atrous.encoders.xception_original import Xception
from atrous.errors import ConfigError
from atrous.imaging import MAX_PIXELS
from atrous.layers.init import init_encoder
from atrous.models.config import ClassifierConfig
from atrous.runtime.card import ModelCard
from atrous.runtime.classification import Classification, prepare_crop
from atrous.runtime.predictor import Source, read_source

CLASSIFIER_ENCODERS: Mapping[str, EncoderBuilder] = {
    **ENCODERS,
    # Its first two convolutions are padded as an encoder only.
    "xception": partial(Xception, padded_root=False),
}
"""Encoders that classifiers are built from."""


class Classifier(nn.Module):
    """An encoder, the mean over its deepest map, and a logistic regression.

    Args:
        encoder: Images to feature maps.
        num_classes: Length of the logits.
        fully_connected: Widths of layers before the regression, each with a ReLU; the paper of
            Xception uses two of 4096 on JFT and none on ImageNet.
        dropout: Probability that a value is dropped before the regression, in training.
    """

    def __init__(
        self,
        encoder: Encoder,
        num_classes: int,
        *,
        fully_connected: Sequence[int] = (),
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        widths = (encoder.feature_specs[-1].channels, *fully_connected)
        self.hidden = nn.Sequential(
            *(
                nn.Sequential(nn.Linear(before, after), nn.ReLU())
                for before, after in pairwise(widths)
            )
        )
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(widths[-1], num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Normalized (B, in_channels, H, W) -> logits (B, num_classes)."""
        pooled = self.encoder(images)[-1].mean(dim=(2, 3))
        return self.classifier(self.dropout(self.hidden(pooled)))


def build_classifier(config: ClassifierConfig) -> Classifier:
    """Build an untrained classifier.

    Raises:
        ConfigError: If ``config.encoder`` is not in `CLASSIFIER_ENCODERS`.
    """
    if config.encoder not in CLASSIFIER_ENCODERS:
        known = ", ".join(sorted(CLASSIFIER_ENCODERS))
        raise ConfigError(f"unknown encoder {config.encoder!r} of a classifier; known: {known}")
    encoder = CLASSIFIER_ENCODERS[config.encoder](
        output_stride=32, in_channels=config.in_channels, padding=config.padding
    )
    model = Classifier(
        encoder,
        config.num_classes,
        fully_connected=config.fully_connected,
        dropout=config.dropout,
    )
    init_encoder(encoder)
    return model


class PictureClassifier:
    """Names what a picture shows as a whole.

    Args:
        model: The network; put into evaluation mode.
        card: Says what the network reads and what its classes are.
        device: Where to run; None for the GPU if there is one, else the CPU.
        max_pixels: Largest height times width of a picture.
    """

    def __init__(
        self,
        model: Classifier,
        card: ModelCard,
        *,
        device: torch.device | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.card = card
        self._max_pixels = max_pixels
        self._device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = model.eval().to(self._device)

    @torch.inference_mode()
    def predict(self, image: Source) -> Classification:
        """Classify one picture.

        Args:
            image: A file, a Pillow image, or (H, W, C) pixels: uint8 RGB unless the card says
                otherwise.

        Raises:
            InputError: If the picture cannot be used.
        """
        picture = read_source(image, self._max_pixels, self.card.preprocessing.kind)
        images = torch.from_numpy(prepare_crop(picture.pixels, self.card.preprocessing))
        probabilities = self._model(images.to(self._device))[0].float().softmax(0)
        return Classification(
            np.asarray(probabilities.cpu().numpy()), self.card.classes, picture.notes
        )
