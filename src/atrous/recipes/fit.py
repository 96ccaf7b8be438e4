"""Fit a recipe to a dataset: fill in what only the data can tell."""

from pathlib import Path
from typing import Any

from atrous.bands import RGB8, PixelKind
from atrous.data.channels import find_kind, measure_channels
from atrous.data.detect import open_split
from atrous.data.layout import Split
from atrous.recipes.recipe import Recipe, read_table, recipe_from

_SAID_BY_USER = ("mean", "std")


def read_fitting_recipe(path: Path, data: Path, *, layout: str | None = None) -> Recipe:
    """Read a recipe, and fill in what it leaves out and the dataset tells.

    Without ``model.num_classes`` the classes are counted. Without it or with ``in_channels``, and
    without ``data.mean`` and ``data.std``, the pictures of the training split are looked at: where
    they are not 8-bit RGB, ``in_channels``, ``bits``, ``mean`` and ``std`` become theirs.

    Args:
        path: The recipe's TOML file.
        data: Folder of the dataset.
        layout: Instead of the recipe's ``data.layout``.

    Raises:
        ConfigError: If the recipe is wrong.
        DatasetError: If the dataset has to be opened and cannot be.
        InputError: If a picture that is looked at cannot be read.
    """
    table = read_table(path)
    if layout is not None and isinstance(table.get("data", {}), dict):
        table["data"] = {**table.get("data", {}), "layout": layout}
    model, wanted = table.get("model", {}), table.get("data", {})
    if isinstance(model, dict) and isinstance(wanted, dict) and _leaves_open(model, wanted):
        split = str(wanted.get("train_split", "train"))
        pairs = open_split(data, split, layout=str(wanted.get("layout", "paired")))
        table |= _fitted(model, wanted, pairs)
    return recipe_from(table, where=str(path))


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
    said_right = type(channels) is int and 1 <= channels <= 64 and bits in (8, 16)
    return PixelKind(channels, bits) if said_right else RGB8
