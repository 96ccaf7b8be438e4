"""From a config to a network: the only reader of ModelConfig."""

import difflib
from collections.abc import Mapping

from atrous.decoders import DeepLabV3Decoder, DeepLabV3PlusDecoder
from atrous.encoders import ENCODERS, EncoderBuilder
from atrous.errors import ConfigError
from atrous.layers.atrous import default_atrous_rates
from atrous.layers.init import init_classifier, init_encoder, init_head
from atrous.models.config import ModelConfig
from atrous.models.segmenter import Segmenter


def build_model(
    config: ModelConfig, *, encoders: Mapping[str, EncoderBuilder] = ENCODERS
) -> Segmenter:
    """Build an untrained model.

    Args:
        config: What to build.
        encoders: Where the encoder's name is looked up; pass
            ``ENCODERS | {"mine": build_mine}`` for one of your own.

    Raises:
        ConfigError: If ``config.encoder`` is not in ``encoders``.
    """
    if config.encoder not in encoders:
        close = difflib.get_close_matches(config.encoder, encoders, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(encoders))}"
        raise ConfigError(f"unknown encoder {config.encoder!r}; {hint}")
    # Told only where they differ, so that an encoder of one's own need not know of them.
    special: dict[str, object] = {}
    if config.padding != "symmetric":
        special["padding"] = config.padding
    if config.multi_grid != (1, 1, 1):
        special["multi_grid"] = config.multi_grid
    encoder = encoders[config.encoder](
        output_stride=config.output_stride, in_channels=config.in_channels, **special
    )
    rates = config.atrous_rates
    if rates is None:
        rates = default_atrous_rates(config.output_stride)
    if config.decoder == "deeplabv3":
        decoder: DeepLabV3Decoder | DeepLabV3PlusDecoder = DeepLabV3Decoder(
            encoder.feature_specs,
            atrous_rates=rates,
            channels=config.decoder_channels,
            separable=config.separable,
            image_pooling=config.image_pooling,
        )
    else:
        decoder = DeepLabV3PlusDecoder(
            encoder.feature_specs,
            atrous_rates=rates,
            channels=config.decoder_channels,
            reduced_channels=config.reduced_channels,
            separable=config.separable,
            image_pooling=config.image_pooling,
            align_corners=config.align_corners,
        )
    model = Segmenter(
        encoder, decoder, num_classes=config.num_classes, align_corners=config.align_corners
    )
    init_encoder(encoder)
    init_head(decoder)
    init_classifier(model.classifier)
    return model
