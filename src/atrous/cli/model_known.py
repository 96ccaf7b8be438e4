"""What is known of a model by its name or file, before it is built."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from atrous.cli.model_parts import card_table, checkpoint_as_json, facts_table, looks
from atrous.errors import WeightsError
from atrous.labels import CITYSCAPES, VOC
from atrous.recipes.classify_recipe import TASK, classify_recipe_from
from atrous.recipes.recipe import read_table, recipe_from, recipe_notes, shipped_recipes
from atrous.weights.formats.safetensors_card import read_safetensors_card
from atrous.weights.load import MODELS, find_model, load
from atrous.weights.zoo.catalogue import CHECKPOINTS, LICENSE, Checkpoint

_USUAL_SIDE = 513


@dataclass(frozen=True)
class Known:
    """What there is to say of a model without building it."""

    facts: Table
    as_json: dict[str, Any]
    architecture: Mapping[str, object] | None
    """Fields of its `atrous.models.config.ModelConfig`; None if it is not built here."""
    size: tuple[int, int]
    """Height and width of the pictures it is meant for."""
    remark: str = ""


def look_up(name: str) -> Known:
    """Find a shipped model, a model file, an official checkpoint or a recipe.

    Raises:
        WeightsError: If there is none of that name, or its file is damaged.
        ConfigError: If it is a recipe that is wrong.
    """
    recipes = shipped_recipes()
    if name in MODELS or (Path(name).suffix != ".toml" and Path(name).exists()):
        return _know_file(name)
    if name in CHECKPOINTS:
        return _know_checkpoint(name, CHECKPOINTS[name])
    path = recipes.get(name, Path(name))
    if path.is_file():
        return _know_recipe(path)
    close = difflib.get_close_matches(name, [*MODELS, *CHECKPOINTS, *recipes], n=1)
    hint = f"did you mean {close[0]!r}?" if close else "atrous model list shows what there is"
    raise WeightsError(
        f"{name}: no such file, and no shipped model, recipe or official checkpoint of that name; "
        f"{hint}"
    )


def _know_file(name: str) -> Known:
    path = find_model(name)
    card = read_safetensors_card(path) if path.suffix == ".safetensors" else load(path).card
    side = card.preprocessing.longest_side or _USUAL_SIDE
    size = path.stat().st_size
    segments = card.task == "segmentation"
    return Known(
        card_table(card, title=f"{path}  {size / 2**20:.1f} MiB"),
        {"file": str(path), "bytes": size, **card.model_dump(mode="json")},
        card.architecture if segments else None,
        card.preprocessing.eval_crop_size or (side, side),
        "" if segments else "the layers of classifiers are not shown",
    )


def _know_recipe(path: Path) -> Known:
    table = read_table(path)
    if table.get("task") == TASK:
        return _know_classify_recipe(path, table)
    network, remark = table.get("model", {}), ""
    if isinstance(network, dict) and "num_classes" not in network:
        table["model"] = {**network, "num_classes": 2}
        remark = "its classes are counted in the data; it is shown with 2"
    recipe = recipe_from(table, where=str(path))
    what, result = recipe_notes(path)
    return Known(
        facts_table({"recipe": path.stem, "what": what, "result": result}, title=str(path)),
        {"recipe": path.stem, "file": str(path), "what": what, "result": result},
        recipe.model.model_dump(),
        recipe.data.crop_size,
        remark,
    )


def _know_classify_recipe(path: Path, table: dict[str, Any]) -> Known:
    if isinstance(table.get("model"), dict):
        table["model"].setdefault("num_classes", 2)
    recipe = classify_recipe_from(table, where=str(path))
    what, result = recipe_notes(path)
    facts = {"recipe": path.stem, "what": what, "result": result}
    return Known(
        facts_table(facts, title=str(path)),
        {**facts, "file": str(path)},
        None,
        (recipe.data.side, recipe.data.side),
        "the layers of classifiers are not shown",
    )


def _know_checkpoint(name: str, checkpoint: Checkpoint) -> Known:
    side = checkpoint.preprocessing.longest_side
    facts = {
        "archive": checkpoint.file_name
        + (f", {checkpoint.megabytes:g} MB" if checkpoint.megabytes else ""),
        "from": checkpoint.address,
        "encoder": checkpoint.encoder,
        "trained on": ", ".join(checkpoint.trained_on),
        "classes": ", ".join(checkpoint.labels.names) if checkpoint.labels else "",
        "pictures": f"resized to a longest side of {side}, from -1 to 1" if side else "",
        "measured": _how_measured(checkpoint),
        "licence": LICENSE,
        "note": checkpoint.note,
    }
    for evaluation in checkpoint.evaluations:
        pixels, adds = evaluation.pixel_accuracy, evaluation.multiply_adds
        facts[f"at stride {looks(evaluation)}"] = (
            f"mIoU {evaluation.mean_iou:.2%} on {evaluation.split}"
            + (f", pixels {pixels:.2%}" if pixels else "")
            + (f", {adds:g} B multiply-adds" if adds else "")
            + (f", {evaluation.seconds:g} s" if evaluation.seconds else "")
        )
    config = checkpoint.config
    return Known(
        facts_table(facts, title=f"{name}, an official checkpoint"),
        checkpoint_as_json(name, checkpoint),
        config.model_dump() if config else None,
        checkpoint.size,
    )


def _how_measured(checkpoint: Checkpoint) -> str:
    if checkpoint.labels not in (VOC, CITYSCAPES):
        return ""  # ADE20K's pictures were resized first, in a way that is not offered here
    size = "x".join(map(str, checkpoint.size))
    return f"on pictures at their own size, filled up to {size} (--eval-crop-size {size})"
