"""From a config to a network: the only reader of ModelConfig."""

import difflib
from collections.abc import Mapping, Sequence
from functools import partial

from torch import nn

from atrous.decoders import Context, DeepLabV3Decoder, DeepLabV3PlusDecoder, LRASPPDecoder
from atrous.encoders import ENCODERS, EncoderBuilder, FeatureSpec
from atrous.encoders.from_timm import TIMM_PREFIX, TimmEncoder
from atrous.errors import ConfigError
from atrous.layers.aspp import ASPP
from atrous.layers.atrous import default_atrous_rates
from atrous.layers.conv import head_conv
from atrous.layers.dpc import DensePredictionCell
from atrous.layers.init import init_classifier, init_encoder, init_head
from atrous.layers.pool import MeanPool
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
        ConfigError: If ``config.encoder`` is not in ``encoders``, or a part cannot be built so.
        DependencyError: If the encoder is one of timm's and timm is not installed.
    """
    build_encoder = _find_encoder(config.encoder, encoders)
    # Told only where they differ, so that an encoder of one's own need not know of them.
    special: dict[str, object] = {}
    if config.padding != "symmetric":
        special["padding"] = config.padding
    if config.multi_grid != (1, 1, 1):
        special["multi_grid"] = config.multi_grid
    if config.rate_change != "after_unit":
        special["rate_change"] = config.rate_change
    encoder = build_encoder(
        output_stride=config.output_stride, in_channels=config.in_channels, **special
    )
    decoder: nn.Module
    if config.decoder == "lraspp":
        decoder = _build_lraspp(config, encoder.feature_specs)
    else:
        decoder = _build_decoder(config, encoder.feature_specs)
    model = Segmenter(
        encoder,
        decoder,
        num_classes=None if config.decoder == "lraspp" else config.num_classes,
        align_corners=config.align_corners,
    )
    init_encoder(model.encoder)
    init_head(model.decoder)
    init_classifier(model.classifier)
    return model


def _find_encoder(name: str, encoders: Mapping[str, EncoderBuilder]) -> EncoderBuilder:
    if name in encoders:
        return encoders[name]
    if name.startswith(TIMM_PREFIX):
        return partial(TimmEncoder, name.removeprefix(TIMM_PREFIX))
    close = difflib.get_close_matches(name, encoders, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(encoders))}"
    raise ConfigError(f"unknown encoder {name!r}; {hint}, or timm:NAME for a network of timm")


def _build_lraspp(config: ModelConfig, feature_specs: Sequence[FeatureSpec]) -> LRASPPDecoder:
    return LRASPPDecoder(
        feature_specs,
        num_classes=config.num_classes,
        channels=config.aspp_channels or config.decoder_channels,
        stride=config.decoder_strides[-1],
        image_pool=_build_mean_pool(config),
        align_corners=config.align_corners,
    )


def _build_decoder(
    config: ModelConfig, feature_specs: Sequence[FeatureSpec]
) -> DeepLabV3Decoder | DeepLabV3PlusDecoder:
    context = _build_context(config, feature_specs[-1].channels)
    if config.decoder == "deeplabv3":
        return DeepLabV3Decoder(context)
    return DeepLabV3PlusDecoder(
        feature_specs,
        context,
        strides=config.decoder_strides,
        channels=config.decoder_channels,
        reduced_channels=config.reduced_channels,
        convs=config.decoder_convs,
        kernel_size=config.decoder_kernel_size,
        separable=_separable_decoder(config),
        bare=config.bare_separable,
        align_corners=config.align_corners,
    )


def _build_context(config: ModelConfig, in_channels: int) -> Context:
    channels = config.aspp_channels or config.decoder_channels
    if config.context == "dpc":
        if config.atrous_rates is not None or config.aspp_convs:
            raise ConfigError(
                "atrous_rates and aspp_convs are for ASPP; a dense prediction cell (context 'dpc') "
                "has its own"
            )
        return DensePredictionCell(in_channels, channels, output_stride=config.output_stride)
    rates = config.atrous_rates
    return ASPP(
        in_channels,
        channels,
        atrous_rates=default_atrous_rates(config.output_stride) if rates is None else rates,
        separable=config.separable,
        bare=config.bare_separable,
        image_pool=_build_mean_pool(config) if config.image_pooling else None,
        align_corners=config.align_corners,
        behind=_build_convs(config, channels) if config.aspp_convs else None,
    )


def _build_convs(config: ModelConfig, channels: int) -> nn.Sequential:
    separable, bare = _separable_decoder(config), config.bare_separable
    return nn.Sequential(
        *(
            head_conv(channels, channels, separable=separable, bare=bare)
            for _ in range(config.aspp_convs)
        )
    )


def _separable_decoder(config: ModelConfig) -> bool:
    separable = config.decoder_separable
    return config.separable if separable is None else separable


def _build_mean_pool(config: ModelConfig) -> MeanPool:
    if config.image_pooling_crop_size is None:
        return MeanPool()
    height, width = config.image_pooling_crop_size
    stride = config.output_stride
    window = (height - 1) // stride + 1, (width - 1) // stride + 1
    return MeanPool(window, stride=config.image_pooling_stride)
