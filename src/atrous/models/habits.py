"""The names and arguments that people know from segmentation_models_pytorch."""

from collections.abc import Mapping, Sequence

from atrous.models.build import build_model
from atrous.models.config import model_config_from
from atrous.models.segmenter import Segmenter

_SPELLINGS: Mapping[str, str] = {
    "mobilenet_v2": "mobilenetv2",
    "mobilenetv2_100": "mobilenetv2",
    "xception_41": "xception41",
    "xception_65": "xception65",
    "xception_71": "xception71",
}
"""Encoders that others spell in another way, behind the ``tu-`` that marks timm's."""


def DeepLabV3Plus(  # noqa: N802 - looks like the class that people have in their scripts
    encoder_name: str = "xception65",
    encoder_output_stride: int = 16,
    in_channels: int = 3,
    classes: int = 21,
    *,
    decoder_channels: int = 256,
    decoder_atrous_rates: Sequence[int] | None = None,
) -> Segmenter:
    """Build an untrained DeepLab V3+.

    Args:
        encoder_name: Key into `atrous.encoders.ENCODERS`, or its usual spelling elsewhere, such
            as ``mobilenet_v2`` or ``tu-xception65``.
        encoder_output_stride: Input pixels for each pixel of the deepest map: 8, 16 or 32.
        in_channels: Channels of the images.
        classes: Channels of the logits, at least 2; background counts.
        decoder_channels: Width of ASPP and decoder.
        decoder_atrous_rates: Rates of the ASPP branches in pixels of the deepest map; None
            follows the output stride.

    Raises:
        ConfigError: If an argument is not possible.
    """
    return _build(
        encoder_name,
        decoder="deeplabv3plus",
        output_stride=encoder_output_stride,
        in_channels=in_channels,
        num_classes=classes,
        decoder_channels=decoder_channels,
        atrous_rates=decoder_atrous_rates,
    )


def DeepLabV3(  # noqa: N802 - looks like the class that people have in their scripts
    encoder_name: str = "xception65",
    encoder_output_stride: int = 16,
    in_channels: int = 3,
    classes: int = 21,
    *,
    decoder_channels: int = 256,
    decoder_atrous_rates: Sequence[int] | None = None,
) -> Segmenter:
    """Build an untrained DeepLab V3, which has no decoder behind ASPP.

    Args:
        encoder_name: As in `DeepLabV3Plus`.
        encoder_output_stride: Input pixels for each pixel of the deepest map: 8, 16 or 32.
        in_channels: Channels of the images.
        classes: Channels of the logits, at least 2; background counts.
        decoder_channels: Width of ASPP.
        decoder_atrous_rates: As in `DeepLabV3Plus`.

    Raises:
        ConfigError: If an argument is not possible.
    """
    return _build(
        encoder_name,
        decoder="deeplabv3",
        output_stride=encoder_output_stride,
        in_channels=in_channels,
        num_classes=classes,
        decoder_channels=decoder_channels,
        atrous_rates=decoder_atrous_rates,
    )


def _build(encoder_name: str, **values: object) -> Segmenter:
    name = encoder_name.removeprefix("tu-")
    return build_model(model_config_from({"encoder": _SPELLINGS.get(name, name), **values}))
