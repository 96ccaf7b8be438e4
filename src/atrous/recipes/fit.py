"""Fit a recipe to a dataset: fill in what only the data can tell."""

from pathlib import Path

from atrous.data.detect import open_split
from atrous.recipes.recipe import Recipe, read_table, recipe_from


def read_fitting_recipe(path: Path, data: Path, *, layout: str | None = None) -> Recipe:
    """Read a recipe; if it leaves ``model.num_classes`` out, count the dataset's classes.

    Args:
        path: The recipe's TOML file.
        data: Folder of the dataset.
        layout: Instead of the recipe's ``data.layout``.

    Raises:
        ConfigError: If the recipe is wrong.
        DatasetError: If the dataset has to be opened and cannot be.
    """
    table = read_table(path)
    if layout is not None and isinstance(table.get("data", {}), dict):
        table["data"] = {**table.get("data", {}), "layout": layout}
    model, wanted = table.get("model", {}), table.get("data", {})
    if isinstance(model, dict) and isinstance(wanted, dict) and "num_classes" not in model:
        split = str(wanted.get("train_split", "train"))
        pairs = open_split(data, split, layout=str(wanted.get("layout", "paired")))
        table["model"] = {**model, "num_classes": pairs.label_set.num_classes}
    return recipe_from(table, where=str(path))
