"""A recipe for a classifier of whole pictures: a TOML file with ``task = "classification"``."""

import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from atrous.data.class_folders import open_class_folders
from atrous.engine.config import Positive, TrainConfig
from atrous.errors import ConfigError
from atrous.models.config import ClassifierConfig
from atrous.recipes.recipe import read_table
from atrous.validation import describe_problems

TASK: Final = "classification"
Share = Annotated[float, Field(gt=0, le=1)]


class PicturesConfig(BaseModel):
    """Which pictures are seen, and how they are changed on the way."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train_split: str = "train"
    """Folder with a folder for each class, which is trained on."""
    eval_split: str = "val"
    """The same, which is measured while training; never trained on."""
    side: int = Field(default=299, ge=33, le=2048)
    """Height and width in pixels of what the network sees, in training and after."""
    area: tuple[Share, Share] = (0.08, 1.0)
    """Smallest and largest share of a picture's area that a training sample shows."""
    aspect: tuple[Positive, Positive] = (0.75, 4 / 3)
    """Smallest and largest width over height of that part."""
    flip: bool = True
    """Mirror every second sample."""
    color_jitter: float = Field(default=0.0, ge=0.0, lt=1.0)
    """Strength of random brightness, contrast and saturation; 0 for none."""
    hue_jitter: float = Field(default=0.0, ge=0.0, le=0.5)
    """Largest random turn of the hue to either side, as a share of the circle; 0 for none."""
    mean: tuple[float, float, float] = (127.5, 127.5, 127.5)
    """Subtracted from red, green and blue."""
    std: tuple[Positive, Positive, Positive] = (127.5, 127.5, 127.5)
    """Divided by after that."""
    workers: int = Field(default=1, ge=0)
    """Processes that read and augment beside the training, at most one for each core."""

    @model_validator(mode="after")
    def _ranges_rise(self) -> Self:
        for name, (smallest, largest) in (("area", self.area), ("aspect", self.aspect)):
            if smallest > largest:
                raise ValueError(f"{name} {[smallest, largest]} must give the smaller value first")
        return self


class ClassifyRecipe(BaseModel):
    """Model, data and training of one classifier."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: Literal["classification"]
    model: ClassifierConfig
    data: PicturesConfig
    train: TrainConfig

    @model_validator(mode="after")
    def _fits_pictures(self) -> Self:
        if self.model.in_channels != 3:
            raise ValueError("classifiers are trained on RGB; leave model.in_channels at 3")
        weights, num_classes = self.train.class_weights, self.model.num_classes
        if isinstance(weights, str):
            # pydantic tells of a ValueError, not of a TypeError.
            raise ValueError(  # noqa: TRY004
                "train.class_weights must be numbers to classify whole pictures"
            )
        if weights is not None and len(weights) != num_classes:
            raise ValueError(
                f"train.class_weights has {len(weights)} values for {num_classes} classes"
            )
        if any(self.train.loss.factors.keys() - {"cross_entropy", "focal"}):
            raise ValueError("train.loss: whole pictures have only cross_entropy and focal")
        if self.train.loss.scales != (1.0,):
            raise ValueError("train.loss.scales is for segmentation; leave it out for classifiers")
        return self


def is_classification(path: Path) -> bool:
    """Whether a recipe is for a classifier of whole pictures.

    Raises:
        ConfigError: If the file cannot be read or is not TOML.
    """
    return read_table(path).get("task") == TASK


def read_classify_recipe(path: Path, data: Path) -> ClassifyRecipe:
    """Read a recipe; without ``model.num_classes`` the folders of classes are counted.

    Raises:
        ConfigError: If the recipe is wrong.
        DatasetError: If the classes have to be counted and cannot be.
    """
    table = read_table(path)
    model, wanted = table.get("model", {}), table.get("data", {})
    if isinstance(model, dict) and isinstance(wanted, dict) and "num_classes" not in model:
        split = open_class_folders(data, str(wanted.get("train_split", "train")))
        table["model"] = {**model, "num_classes": split.label_set.num_classes}
    return classify_recipe_from(table, where=str(path))


def classify_recipe_from(table: dict[str, Any], *, where: str) -> ClassifyRecipe:
    """Check a table against the recipe's fields.

    Raises:
        ConfigError: With ``where``, the place, and the nearest right name.
    """
    try:
        return ClassifyRecipe.model_validate_json(json.dumps(table, default=str), strict=True)
    except ValidationError as error:
        raise ConfigError(f"{where}: {describe_problems(error, ClassifyRecipe)}") from None
