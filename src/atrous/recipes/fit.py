"""Fit a recipe to a dataset: fill in what only the data can tell."""

from pathlib import Path
from typing import Any

from atrous.bands import MAX_CHANNELS, RGB8, PixelKind
from atrous.data.channels import find_kind, measure_channels
from atrous.data.detect import open_split
from atrous.data.layout import Split
from atrous.errors import DatasetError
from atrous.recipes.recipe import Recipe, read_table, recipe_from
from atrous.recipes.settings import Chosen, with_settings

_SAID_BY_USER = ("mean", "std")


def read_fitting_recipe(path: Path, data: Path, *, chosen: Chosen | None = None) -> Recipe:
    """Read a recipe, lay settings over it, and fill in what is left out as `fitting_recipe` does.

    Args:
        path: The recipe's TOML file.
        data: Folder of the dataset.
        chosen: Settings that go before the recipe's, by key such as ``train.batch_size``.

    Raises:
        ConfigError: If the recipe is wrong.
        DatasetError: If the dataset has to be opened and cannot be.
        InputError: If a picture that is looked at cannot be read.
    """
    return fitting_recipe(with_settings(read_table(path), chosen or {}), data, where=str(path))


def fitting_recipe(table: dict[str, Any], data: Path, *, where: str) -> Recipe:
    """Fill in what a recipe leaves out and the dataset tells.

    Without ``model.num_classes`` the classes are counted. Without it or with ``in_channels``, and
    without ``data.mean`` and ``data.std``, the pictures of the training split are looked at: where
    they are not 8-bit RGB, ``in_channels``, ``bits``, ``mean`` and ``std`` become theirs.

    Args:
        table: The recipe's TOML.
        data: Folder of the dataset.
        where: Where the table is from, for messages.

    Raises:
        ConfigError: If the recipe is wrong.
        DatasetError: If the dataset has to be opened and cannot be.
        InputError: If a picture that is looked at cannot be read.
    """
    model, wanted = table.get("model", {}), table.get("data", {})
    if isinstance(model, dict) and isinstance(wanted, dict) and _leaves_open(model, wanted):
        split = str(wanted.get("train_split", "train"))
        pairs = open_split(data, split, layout=str(wanted.get("layout", "paired")))
        count_classes(pairs, data)
        table = table | _fitted(model, wanted, pairs)
    return recipe_from(table, where=where)


def count_classes(pairs: Split, data: Path) -> int:
    """How many classes a dataset has.

    Raises:
        DatasetError: If there is one only, in which there is nothing to tell apart.
    """
    names = pairs.label_set.names
    if len(names) < 2:
        raise DatasetError(
            f"{data}: has one class only, {names[0]!r}, so that there is nothing to tell apart; "
            "label what is not of it as a class of its own, and name both in dataset.toml: "
            'names = ["background", "object"]'
        )
    return len(names)


def _leaves_open(model: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return "num_classes" not in model or _asks_to_measure(model, wanted)


def _asks_to_measure(model: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Whether other pictures than 8-bit RGB are named, and mean and deviation are not."""
    named = model.get("in_channels", 3) != 3 or wanted.get("bits", 8) != 8
    return named and not any(key in wanted for key in _SAID_BY_USER)


def _fitted(model: dict[str, Any], wanted: dict[str, Any], pairs: Split) -> dict[str, Any]:
    """The tables ``model`` and ``data`` with what the dataset tells."""
    model = {"num_classes": pairs.label_set.num_classes, **model}
    if any(key in wanted for key in _SAID_BY_USER):
        return {"model": model, "data": wanted}
    kind = _kind_for(model, wanted, pairs)
    if kind == RGB8:
        return {"model": model, "data": wanted}
    found = measure_channels(pairs.pairs, kind)
    shape = {"bits": kind.bits, "mean": list(found.mean), "std": list(found.std)}
    return {
        "model": {**model, "in_channels": kind.channels},
        "data": {**wanted, **shape},
    }


def _kind_for(model: dict[str, Any], wanted: dict[str, Any], pairs: Split) -> PixelKind:
    """What the recipe says of the pictures, and else what they are."""
    said = "in_channels" in model and "bits" in wanted
    found = RGB8 if said else find_kind(pairs.pairs)
    channels, bits = model.get("in_channels", found.channels), wanted.get("bits", found.bits)
    said_right = type(channels) is int and 1 <= channels <= MAX_CHANNELS and bits in (8, 16)
    return PixelKind(channels, bits) if said_right else RGB8
