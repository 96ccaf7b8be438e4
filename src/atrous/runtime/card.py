"""What a model file says of itself."""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from atrous.bands import MAX_CHANNELS, Bits, PixelKind
from atrous.errors import AtrousError, WeightsError
from atrous.labels import LabelSet, as_palette
from atrous.runtime.bilinear import AlignCorners

CARD_KEY = "atrous"
"""Key of the card in the metadata of ONNX and safetensors files."""
_MAX_CARD_BYTES = 1 << 20


Side = Annotated[int, Field(ge=1, le=100_000)]


class Preprocessing(BaseModel):
    """From a picture to what the network reads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: tuple[float, ...] = Field(
        default=(127.5, 127.5, 127.5), min_length=1, max_length=MAX_CHANNELS
    )
    """Subtracted from the values as they are read, one for each channel; three are RGB."""
    std: tuple[float, ...] = (127.5, 127.5, 127.5)
    """Divided by after that."""
    bits: Bits = 8
    """Of each value: 0 to 255, or 0 to 65535."""
    longest_side: int | None = Field(default=None, ge=33)
    """Pictures are resized until their longest side has this many pixels, near the scale of the
    pictures in training; None leaves every picture as it is."""
    eval_crop_size: tuple[Side, Side] | None = None
    """Height and width that pictures are filled up to with the mean pixel, at the bottom and at the
    right, as the published numbers were measured; a longer side goes up to the next multiple of 32
    plus 1. None fills nothing up."""
    center_crop: int | None = Field(default=None, ge=33)
    """For classifiers: the side of the square that the middle of a picture is scaled to."""

    @model_validator(mode="after")
    def _one_for_each_channel(self) -> Self:
        if len(self.mean) != len(self.std):
            raise ValueError(f"mean has {len(self.mean)} values and std {len(self.std)}")
        return self

    @property
    def kind(self) -> PixelKind:
        """The pixels that the network was trained on."""
        return PixelKind(len(self.mean), self.bits)


class ModelCard(BaseModel):
    """Everything that prediction needs beside the weights, and where the weights come from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["atrous/1"] = "atrous/1"
    """Version of this description."""
    task: Literal["segmentation", "classification"] = "segmentation"
    """Whether every pixel gets a class or the picture as a whole."""
    name: str
    """Short name, such as that of the recipe."""
    description: str = ""
    """A sentence or two for people."""
    classes: tuple[str, ...]
    """Class names; the position is the class index."""
    palette: tuple[tuple[int, int, int], ...] = ()
    """An RGB colour for each class; none for classifiers."""
    ignore_index: int = 255
    """Label of pixels without a class, in the data it was trained on."""
    preprocessing: Preprocessing = Preprocessing()
    """From a picture to what the network reads."""
    align_corners: AlignCorners = False
    """How the logits are resized to the picture."""
    architecture: dict[str, Any] = {}
    """The config that the network was built from."""
    recipe: dict[str, Any] = {}
    """How it was trained: data, settings, the weights it started from, versions."""
    result: dict[str, Any] = {}
    """What was measured, on what, by which convention."""
    license: str = ""
    """Terms of the weights."""

    @property
    def label_set(self) -> LabelSet:
        """Class names, palette and ignore_index as one."""
        return LabelSet(self.classes, as_palette(self.palette), self.ignore_index)

    def to_json(self) -> str:
        """The card as one line of JSON."""
        return self.model_dump_json()


def read_card(text: str | None, *, where: str) -> ModelCard:
    """Read a card from a model file's metadata.

    Args:
        text: The metadata's value; None if the file has none.
        where: The file, for messages.

    Raises:
        WeightsError: If there is no card or it is not one of this version.
    """
    if text is None:
        raise WeightsError(
            f"{where}: does not say what its classes and preprocessing are; it was not made by "
            "atrous. Export it again with atrous"
        )
    if len(text) > _MAX_CARD_BYTES:
        raise WeightsError(f"{where}: its description has {len(text)} bytes, too many to be real")
    try:
        card = ModelCard.model_validate(json.loads(text))
        if card.task == "segmentation":
            card.label_set  # noqa: B018 - checks that names and palette fit
    except (ValueError, ValidationError, AtrousError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{where}: its description cannot be understood ({reason})") from None
    return card
