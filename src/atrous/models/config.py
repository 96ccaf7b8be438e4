"""What a model is built from."""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from atrous.errors import ConfigError
from atrous.validation import describe_problems

AtrousRate = Annotated[int, Field(ge=1, le=1000)]
OutputStride: TypeAlias = Literal[8, 16, 32]
Width = Annotated[int, Field(ge=1, le=4096)]


class ModelConfig(BaseModel):
    """Everything needed to build a model, and nothing about how it is trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: str = "xception65"
    """Key into `atrous.encoders.ENCODERS`."""
    decoder: Literal["deeplabv3plus", "deeplabv3"] = "deeplabv3plus"
    """With the stride-4 decoder of DeepLab V3+, or without, as DeepLab V3."""
    num_classes: int = Field(ge=2, le=65_535)
    """Channels of the logits; pixels marked with ignore_index are not a class."""
    in_channels: Width = 3
    """Channels of the images."""
    output_stride: OutputStride = 16
    """Input pixels for each pixel of the deepest feature map."""
    atrous_rates: tuple[AtrousRate, ...] | None = Field(default=None, max_length=16)
    """Rates of the ASPP branches in pixels of the deepest map; None follows output_stride:
    6, 12, 18 at 16, doubled at 8, halved at 32. Empty leaves only 1x1 and image pooling."""
    decoder_channels: Width = 256
    """Width of ASPP and decoder."""
    reduced_channels: Width = 48
    """Width that the low-level map is cut to (table 1 of the paper)."""
    multi_grid: tuple[AtrousRate, AtrousRate, AtrousRate] = (1, 1, 1)
    """Factors on the atrous rates of the encoder's last block; released ResNets want 1, 2, 4."""
    separable: bool = True
    """Depthwise separable 3x3 convolutions in ASPP and decoder."""
    image_pooling: bool = True
    """Whether ASPP has a branch with the mean of the whole map."""
    align_corners: bool = False
    """How maps are resized; True for weights from TensorFlow 1."""
    padding: Literal["symmetric", "same"] = "symmetric"
    """``same`` for weights from TensorFlow, whose even sides are padded on one side only."""


def model_config_from(values: Mapping[str, object]) -> ModelConfig:
    """Check values against the fields of `ModelConfig`, for people rather than for programs.

    Examples:
        >>> model_config_from({"num_classes": 21, "output_stride": 8}).output_stride
        8

    Raises:
        ConfigError: With the field, what was found, and what is possible.
    """
    try:
        return ModelConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(describe_problems(error, ModelConfig)) from None
