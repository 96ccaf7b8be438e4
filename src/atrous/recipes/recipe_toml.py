"""A recipe as TOML, which can be trained again."""

import json
from typing import Any

from pydantic import BaseModel

NAME = "recipe.toml"


def recipe_toml(recipe: BaseModel, *, comment: str = "") -> str:
    """Write a recipe with all its settings; those that are None are left out.

    Args:
        recipe: What to write.
        comment: Lines to put on top.
    """
    head = "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines())
    return head + _tables(recipe.model_dump(mode="json")).lstrip("\n" if not head else "")


def _tables(values: dict[str, Any], where: str = "") -> str:
    """Plain values first, then a table for each dictionary."""
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    text = "".join(
        f"{_key(key)} = {_value(value)}\n" for key, value in plain.items() if value is not None
    )
    for key, value in values.items():
        if isinstance(value, dict):
            name = f"{where}{_key(key)}"
            text += f"\n[{name}]\n{_tables(value, f'{name}.')}"
    return text


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key.isascii() else _text(key)


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case list():
            return f"[{', '.join(_value(item) for item in value)}]"
        case dict():
            items = (f"{_key(key)} = {_value(item)}" for key, item in value.items())
            return f"{{ {', '.join(items)} }}"
        case _:
            return repr(value)


def _text(text: str) -> str:
    """A basic string of TOML: JSON's escapes are among its own, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
