"""A recipe: everything that makes a result, in one TOML file."""

import difflib
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from atrous.engine.config import DataConfig, TrainConfig
from atrous.errors import ConfigError
from atrous.models.config import ModelConfig

RECIPES = Path(__file__).parent
"""Where the recipes that atrous ships are."""


class Recipe(BaseModel):
    """Model, data and training of one result."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: ModelConfig
    data: DataConfig
    train: TrainConfig


def shipped_recipes() -> dict[str, Path]:
    """Recipes that atrous ships, by name."""
    return {path.stem: path for path in sorted(RECIPES.glob("*.toml"))}


def find_recipe(name: str) -> Path:
    """A recipe's file, from its name or its path.

    Raises:
        ConfigError: If there is none.
    """
    shipped = shipped_recipes()
    if name in shipped:
        return shipped[name]
    path = Path(name)
    if path.is_file():
        return path
    close = difflib.get_close_matches(name, shipped, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"shipped: {', '.join(shipped) or 'none'}"
    raise ConfigError(f"no recipe {name!r}, neither a file nor a shipped name; {hint}")


def read_recipe(path: Path) -> Recipe:
    """Read a recipe strictly: unknown keys and wrong types are errors.

    Raises:
        ConfigError: With the file, the place, and the nearest right name.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    return recipe_from(table, where=str(path))


def recipe_from(table: dict[str, Any], *, where: str) -> Recipe:
    """Check a table against the recipe's fields.

    Raises:
        ConfigError: With ``where``, the place, and the nearest right name.
    """
    try:
        return Recipe.model_validate(table)
    except ValidationError as error:
        problems = [_explain(problem) for problem in error.errors()[:5]]
        raise ConfigError(f"{where}: {'; '.join(problems)}") from None


def _explain(problem: Any) -> str:
    *table, key = (str(part) for part in problem["loc"])
    place = ".".join((*table, key))
    if problem["type"] == "missing":
        return f"{place} is missing"
    if problem["type"] == "extra_forbidden":
        known = _fields_at(table)
        close = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"
        return f"unknown key {place!r}; {hint}"
    return f"{place}: {problem['msg']}, not {problem['input']!r}"


def _fields_at(table: list[str]) -> list[str]:
    fields = Recipe.model_fields
    for part in table:
        annotation = fields[part].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        fields = annotation.model_fields
    return list(fields)
