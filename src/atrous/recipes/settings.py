"""The settings of a recipe one by one: their names, what they mean, and what is typed for them."""

import ast
import difflib
import functools
import inspect
import json
import math
import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Any, TypeAlias, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from atrous.errors import ConfigError
from atrous.recipes.recipe import Recipe

Table: TypeAlias = dict[str, Any]
Chosen: TypeAlias = Mapping[str, Any]
"""Values of settings by key, such as ``train.batch_size``; None takes a key away."""
TABLES = ("model", "data", "train")
"""Tables of a recipe whose fields are settings."""
_EXCLUDE = {"train.epochs": "train.steps", "train.steps": "train.epochs"}
_WHOLE = re.compile(r"[+-]?\d{1,18}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass(frozen=True)
class Setting:
    """One field of a recipe."""

    key: str
    """Such as ``train.loss.focal``."""
    meaning: str
    """The docstring below the field."""
    field: FieldInfo
    """Its type, range and default."""

    @property
    def flag(self) -> str:
        """As it is typed: ``--loss.focal``."""
        return "--" + self.key.partition(".")[2].replace("_", "-")


@functools.cache
def settings() -> Mapping[str, Setting]:
    """Every setting of a recipe by its key, in the order of the fields."""
    fields = Recipe.model_fields
    found = (
        setting for table in TABLES for setting in _settings_of(_tables(fields[table])[0], table)
    )
    return {setting.key: setting for setting in found}


def _settings_of(model: type[BaseModel], place: str) -> Iterator[Setting]:
    meanings = _meanings(model)
    for name, field in model.model_fields.items():
        key, tables = f"{place}.{name}", _tables(field)
        if tables:
            yield from _settings_of(tables[0], key)
        else:
            yield Setting(key, meanings.get(name, ""), field)


def _tables(field: FieldInfo) -> list[type[BaseModel]]:
    """The tables that a field may hold."""
    return [kind for kind in _kinds(field.annotation) if issubclass(kind, BaseModel)]


def _kinds(annotation: Any) -> Iterator[type]:
    """Every plain type that an annotation is made of."""
    if isinstance(annotation, type):
        yield annotation
    for part in get_args(annotation):
        yield from _kinds(part)


def _meanings(model: type[BaseModel]) -> dict[str, str]:
    """The docstring below each field of a model."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(model))).body
    lines = body.body if isinstance(body, ast.ClassDef) else []
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in pairwise(lines)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
        if isinstance(text.value.value, str)
    }


def parse_setting(key: str, text: str) -> Any:
    """The value of a setting that was typed: ``513x513``, ``0.5,2.0``, ``1e-3``, ``false``.

    Whether it fits the other settings is checked with the whole recipe.

    Args:
        key: Such as ``data.crop_size``.
        text: A number, a word, or several joined by commas or, of numbers, by x; ``none`` for
            None where that is the default.

    Raises:
        ConfigError: If there is no such setting, with the nearest right name; or the value is of
            another kind, or out of range.
    """
    setting = find_setting(key)
    field = setting.field
    if text.lower() == "none" and field.default is None:
        return None
    read_as = (_listed(text), _value(text)) if _is_list(field.annotation) else (_value(text),)
    problems = [_problem(value, field) for value in read_as]
    if None in problems:
        return read_as[problems.index(None)]
    raise ConfigError(f"{setting.flag} {text}: {problems[0]}")


def _problem(value: object, field: FieldInfo) -> str | None:
    """What is wrong with a value for a field, in pydantic's words; None if nothing is."""
    wanted: Any = Annotated[field.annotation, field]
    try:
        # As JSON, because a strict check of Python values would refuse lists for tuples.
        TypeAdapter(wanted).validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        return error.errors()[0]["msg"]
    return None


def _is_list(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) is tuple or any(
        _is_list(part) for part in get_args(annotation)
    )


def _listed(text: str) -> list[int | float | bool | str]:
    by = "x" if re.fullmatch(r"\d+(x\d+)+", text) else ","
    return [_value(part) for part in text.split(by) if part.strip()]


def _value(text: str) -> int | float | bool | str:
    text = text.strip()
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if _WHOLE.fullmatch(text):
        return int(text)
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    return number if math.isfinite(number) else text


def find_setting(key: str) -> Setting:
    """A setting by its key.

    Raises:
        ConfigError: If there is none; with the nearest right name.
    """
    known = settings()
    if key not in known:
        close = difflib.get_close_matches(key, known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise ConfigError(f"no setting {key!r}{hint}")
    return known[key]


def with_settings(table: Table, chosen: Chosen) -> Table:
    """A recipe's table with settings laid over it; epochs take the place of steps and back.

    Args:
        table: As read from TOML; it stays as it is.
        chosen: What goes before.
    """
    for key, value in chosen.items():
        table = _put(table, key.split("."), value)
        if key in _EXCLUDE and value is not None and _EXCLUDE[key] not in chosen:
            table = _put(table, _EXCLUDE[key].split("."), None)
    return table


def _put(table: Any, place: list[str], value: Any) -> Table:
    key, *below = place
    if not isinstance(table, dict):
        return {key: _put({}, below, value) if below else value}
    if below:
        if value is None and key not in table:
            return table
        return {**table, key: _put(table.get(key, {}), below, value)}
    rest = {name: old for name, old in table.items() if name != key}
    return rest if value is None else {**table, key: value}
