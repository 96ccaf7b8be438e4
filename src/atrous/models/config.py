"""What a model is built from."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ModelConfig(BaseModel):
    """Everything needed to build a model, and nothing about how it is trained."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: str = "xception65"
    """Key into `atrous.encoders.ENCODERS`."""
    decoder: Literal["deeplabv3plus", "deeplabv3"] = "deeplabv3plus"
    """With the stride-4 decoder of DeepLab V3+, or without, as DeepLab V3."""
    num_classes: int = Field(ge=2, le=65_535)
    """Channels of the logits; pixels marked with ignore_index are not a class."""
    in_channels: int = Field(default=3, ge=1)
    """Channels of the images."""
    output_stride: Literal[8, 16, 32] = 16
    """Input pixels for each pixel of the deepest feature map."""
    atrous_rates: tuple[int, ...] | None = None
    """Rates of the ASPP branches in pixels of the deepest map; None follows output_stride:
    6, 12, 18 at 16, doubled at 8, halved at 32. Empty leaves only 1x1 and image pooling."""
    decoder_channels: int = Field(default=256, ge=1)
    """Width of ASPP and decoder."""
    reduced_channels: int = Field(default=48, ge=1)
    """Width that the low-level map is cut to (table 1 of the paper)."""
    separable: bool = True
    """Depthwise separable 3x3 convolutions in ASPP and decoder."""
    align_corners: bool = False
    """How maps are resized; True for weights from TensorFlow 1."""
    padding: Literal["symmetric", "same"] = "symmetric"
    """``same`` for weights from TensorFlow, whose even sides are padded on one side only."""
