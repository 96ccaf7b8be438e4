"""What a model is built from."""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from atrous.bands import MAX_CHANNELS
from atrous.errors import ConfigError
from atrous.layers.atrous import RateChange
from atrous.runtime.bilinear import AlignCorners
from atrous.validation import describe_problems

AtrousRate = Annotated[int, Field(ge=1, le=1000)]
OutputStride: TypeAlias = Literal[8, 16, 32]
Width = Annotated[int, Field(ge=1, le=4096)]
Channels = Annotated[int, Field(ge=1, le=MAX_CHANNELS)]
Side = Annotated[int, Field(ge=1, le=100_000)]


class ModelConfig(BaseModel):
    """Everything needed to build a model, and nothing about how it is trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: str = "xception65"
    """Key into `atrous.encoders.ENCODERS`, or ``timm:NAME`` for a network of timm."""
    decoder: Literal["deeplabv3plus", "deeplabv3", "lraspp"] = "deeplabv3plus"
    """With the decoder of DeepLab V3+; without, as DeepLab V3; or the light head of MobileNetV3."""
    num_classes: int = Field(ge=2, le=65_535)
    """Channels of the logits; pixels marked with ignore_index are not a class."""
    in_channels: Channels = 3
    """Channels of the images."""
    output_stride: OutputStride = 16
    """Input pixels for each pixel of the deepest feature map."""
    atrous_rates: tuple[AtrousRate, ...] | None = Field(default=None, max_length=16)
    """Rates of the ASPP branches in pixels of the deepest map; None follows output_stride:
    6, 12, 18 at 16, doubled at 8, halved at 32. Empty leaves only 1x1 and image pooling."""
    context: Literal["aspp", "dpc"] = "aspp"
    """What reads the deepest map: ASPP, or the dense prediction cell that a search found."""
    aspp_channels: Width | None = None
    """Width of ASPP; None is as wide as the decoder."""
    aspp_convs: int = Field(default=0, ge=0, le=3)
    """3x3 convolutions right behind ASPP, kin to the decoder's; one in torchvision's DeepLab V3."""
    decoder_channels: Width = 256
    """Width of ASPP and decoder."""
    decoder_strides: tuple[Literal[4, 8, 16], ...] = Field(default=(4,), min_length=1, max_length=3)
    """Fine maps that the decoder joins, coarse to fine; 8, 4 is *Conv2 and Conv3* of table 2."""
    decoder_convs: int = Field(default=2, ge=1, le=3)
    """Convolutions behind each joined map (table 2)."""
    decoder_kernel_size: Literal[1, 3] = 3
    """Of these convolutions (table 2)."""
    reduced_channels: Width = 48
    """Width that a fine map is cut to (table 1)."""
    multi_grid: tuple[AtrousRate, AtrousRate, AtrousRate] = (1, 1, 1)
    """Factors on the atrous rates of the encoder's last block; released ResNets want 1, 2, 4."""
    rate_change: RateChange = "after_unit"
    """Where the encoder's doubled rates begin when a stride is taken away; other values are for
    weights that others trained so, see `atrous.layers.atrous.RateChange`."""
    separable: bool = True
    """Depthwise separable 3x3 convolutions in ASPP and decoder."""
    decoder_separable: bool | None = None
    """The same for the decoder alone; None follows ``separable``."""
    bare_separable: bool = False
    """Neither norm nor ReLU between the halves of separable convolutions in ASPP and decoder, as
    segmentation_models_pytorch builds them."""
    image_pooling: bool = True
    """Whether ASPP has a branch with the mean of the whole map."""
    image_pooling_crop_size: tuple[Side, Side] | None = None
    """Height and width in input pixels of the windows that such means are taken of; None is the
    whole picture, however large."""
    image_pooling_stride: tuple[Side, Side] = (1, 1)
    """Rows and columns of the deepest map from one window to the next."""
    align_corners: AlignCorners = False
    """How maps are resized; True for weights from TensorFlow 1, "first" for some made mobile."""
    padding: Literal["symmetric", "same"] = "symmetric"
    """``same`` for weights from TensorFlow, whose even sides are padded on one side only."""


class ClassifierConfig(BaseModel):
    """Everything needed to build a classifier of whole pictures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: str = "xception"
    """Key into `atrous.models.classifier.CLASSIFIER_ENCODERS`."""
    num_classes: int = Field(default=1000, ge=2, le=65_535)
    """Length of the logits."""
    in_channels: Channels = 3
    """Channels of the images."""
    fully_connected: tuple[Width, ...] = Field(default=(), max_length=8)
    """Widths of layers before the regression; 4096, 4096 in the paper on JFT."""
    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Probability that a value is dropped before the regression, in training."""
    padding: Literal["symmetric", "same"] = "symmetric"
    """``same`` for weights from TensorFlow and Keras."""


def classifier_config_from(values: Mapping[str, object]) -> ClassifierConfig:
    """Check values against the fields of `ClassifierConfig`.

    Raises:
        ConfigError: With the field, what was found, and what is possible.
    """
    try:
        return ClassifierConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(describe_problems(error, ClassifierConfig)) from None


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
