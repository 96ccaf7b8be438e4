"""A recipe: everything that makes a result, in one TOML file."""

import difflib
import json
import os
import tomllib
from itertools import takewhile
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from atrous.engine.config import DataConfig, TrainConfig
from atrous.errors import ConfigError
from atrous.models.config import ModelConfig
from atrous.validation import describe_problems

RECIPES = Path(__file__).parent
"""Where the recipes that atrous ships are."""
_LARGEST_FILE = 1 << 20


class Inputs(BaseModel):
    """What a plan was made for: paths and names of one machine, which are no part of a result."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: str | None = None
    """Folder of the dataset, from where the command runs; ``--data`` is taken before it."""
    start: str | None = None
    """Weights to start from, as ``--start`` takes them; none for new ones."""


class Recipe(BaseModel):
    """Model, data and training of one result."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: ModelConfig
    data: DataConfig
    train: TrainConfig
    inputs: Inputs = Field(default=Inputs(), exclude=True)
    """Left out of what runs and model files say of themselves."""

    @model_validator(mode="after")
    def _weights_fit_classes(self) -> Self:
        weights, num_classes = self.train.class_weights, self.model.num_classes
        if isinstance(weights, tuple) and len(weights) != num_classes:
            raise ValueError(
                f"train.class_weights has {len(weights)} values for {num_classes} classes"
            )
        return self

    @model_validator(mode="after")
    def _normalization_fits_channels(self) -> Self:
        given, channels = len(self.data.mean), self.model.in_channels
        if given != channels:
            raise ValueError(
                f"data.mean and data.std have {given} values for model.in_channels = {channels}; "
                "give one for each channel, or leave them out to have them measured"
            )
        return self


def shipped_recipes() -> dict[str, Path]:
    """Recipes that atrous ships, by name."""
    return {path.stem: path for path in sorted(RECIPES.rglob("*.toml"))}


def find_recipe(name: str) -> Path:
    """A recipe's file, from its name or its path.

    Raises:
        ConfigError: If there is none.
    """
    shipped = shipped_recipes()
    if name in shipped:
        return shipped[name]
    path = Path(name)
    if os.path.isfile(path):  # unlike pathlib, it takes overlong names for missing
        return path
    close = difflib.get_close_matches(name, shipped, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"shipped: {', '.join(shipped) or 'none'}"
    raise ConfigError(f"no recipe {name!r}, neither a file nor a shipped name; {hint}")


def read_recipe(path: Path) -> Recipe:
    """Read a recipe strictly: unknown keys and wrong types are errors.

    Raises:
        ConfigError: With the file, the place, and the nearest right name.
    """
    return recipe_from(read_table(path), where=str(path))


def read_table(path: Path) -> dict[str, Any]:
    """Read a recipe's TOML as it is, before its keys and types are looked at.

    Raises:
        ConfigError: If the file cannot be read or is not TOML.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise ConfigError(f"{path}: is larger than 1 MiB, which no recipe is; expected TOML")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None


def recipe_from(table: dict[str, Any], *, where: str) -> Recipe:
    """Check a table against the recipe's fields.

    Raises:
        ConfigError: With ``where``, the place, and the nearest right name.
    """
    try:
        # As JSON, because a strict check of Python values would refuse lists for tuples.
        return Recipe.model_validate_json(json.dumps(table, default=str), strict=True)
    except ValidationError as error:
        raise ConfigError(f"{where}: {describe_problems(error, Recipe)}") from None


def inputs_of(table: dict[str, Any], *, where: str) -> Inputs:
    """What a recipe's table says of data and start; it may say nothing.

    Raises:
        ConfigError: If it says more, or not in words.
    """
    try:
        return Inputs.model_validate(table.get("inputs", {}), strict=True)
    except ValidationError as error:
        raise ConfigError(f"{where}: inputs: {describe_problems(error, Inputs)}") from None


def recipe_notes(path: Path) -> tuple[str, str]:
    """What a shipped recipe is and what it reaches, from the comment on top of it.

    Its first paragraph says the one, its last the other.
    """
    lines = takewhile(lambda line: line.startswith("#"), path.read_text("utf-8").splitlines())
    text = "\n".join(line.removeprefix("#").strip() for line in lines)
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    return paragraphs[0], paragraphs[-1]
