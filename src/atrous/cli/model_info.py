"""``atrous model info``: what is known of a model, and what it is made of."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table

from atrous.cli.model_parts import card_table, checkpoint_as_json, facts_table, looks
from atrous.cli.options import JsonFlag, QuietFlag, parse_size
from atrous.cli.terminal import Terminal
from atrous.errors import ConfigError, DependencyError, WeightsError
from atrous.labels import CITYSCAPES, VOC
from atrous.recipes.recipe import read_table, recipe_from, recipe_notes, shipped_recipes
from atrous.weights.catalogue import CHECKPOINTS, LICENSE, Checkpoint
from atrous.weights.load import MODELS, find_model, load
from atrous.weights.safetensors_card import read_safetensors_card

_USUAL_SIDE = 513
_SIDES = range(33, 8194)
_WITHOUT_TORCH = (
    "with torch this also shows the layers, their costs, receptive fields and memory: "
    "pip install 'atrous[train]'"
)


@dataclass(frozen=True)
class _Known:
    """What there is to say of a model without building it."""

    facts: Table
    as_json: dict[str, Any]
    architecture: Mapping[str, object] | None
    """Fields of its `atrous.models.config.ModelConfig`; None if it is not built here."""
    size: tuple[int, int]
    """Height and width of the pictures it is meant for."""
    remark: str = ""


def info_model(
    model: Annotated[
        str,
        Parameter(
            help="A shipped model, recipe or official checkpoint by name, a model file, or a run "
            "folder."
        ),
    ],
    *,
    size: Annotated[
        str | None,
        Parameter(
            help="Height x width of the pictures to count for, such as 513x513. Default: as the "
            "model sees them."
        ),
    ] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Show what is known of a model and, where torch is installed, what it is made of.

    Nothing is computed for it and no memory taken: the network is built without values.
    """
    terminal = Terminal(as_json=json, quiet=quiet)
    wanted = _picture_size(size) if size else None
    known = _look_up(model)
    terminal.show(known.facts)
    if known.remark:
        terminal.say(known.remark)
    report = dict(known.as_json)
    if known.architecture is not None:
        height, width = (min(side, _SIDES[-1]) for side in known.size)
        size_seen = wanted or (height, width)
        report["summary"] = _show_parts(terminal, known.architecture, size_seen)
    terminal.give("model info", report)
    return 0


def _picture_size(text: str) -> tuple[int, int] | None:
    """Height and width that can be counted for.

    Raises:
        ConfigError: If ``text`` is something else.
    """
    size = parse_size(text)
    if size and not all(side in _SIDES for side in size):
        raise ConfigError(f"--size takes sides from {_SIDES[0]} to {_SIDES[-1]}, not {text}")
    return size


def _show_parts(
    terminal: Terminal, architecture: Mapping[str, object], size: tuple[int, int]
) -> dict[str, Any] | None:
    """Show what a network is made of; None if that cannot be found out here."""
    try:
        from atrous.cli.model_summary import summary_as_json, summary_tables
        from atrous.models.config import model_config_from
        from atrous.models.summary import build_empty, summarize
    except ModuleNotFoundError:
        terminal.say(_WITHOUT_TORCH)
        return None
    try:
        network = build_empty(model_config_from(architecture))
    except (ConfigError, DependencyError) as error:
        terminal.warn(f"its layers cannot be shown: {error}")
        return None
    summary = summarize(network, size)
    terminal.show(*summary_tables(summary))
    return summary_as_json(summary)


def _look_up(name: str) -> _Known:
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


def _know_file(name: str) -> _Known:
    path = find_model(name)
    card = read_safetensors_card(path) if path.suffix == ".safetensors" else load(path).card
    side = card.preprocessing.longest_side or _USUAL_SIDE
    size = path.stat().st_size
    segments = card.task == "segmentation"
    return _Known(
        card_table(card, title=f"{path}  {size / 2**20:.1f} MiB"),
        {"file": str(path), "bytes": size, **card.model_dump(mode="json")},
        card.architecture if segments else None,
        card.preprocessing.eval_crop_size or (side, side),
        "" if segments else "the layers of classifiers are not shown",
    )


def _know_recipe(path: Path) -> _Known:
    table = read_table(path)
    network, remark = table.get("model", {}), ""
    if isinstance(network, dict) and "num_classes" not in network:
        table["model"] = {**network, "num_classes": 2}
        remark = "its classes are counted in the data; it is shown with 2"
    recipe = recipe_from(table, where=str(path))
    what, result = recipe_notes(path)
    return _Known(
        facts_table({"recipe": path.stem, "what": what, "result": result}, title=str(path)),
        {"recipe": path.stem, "file": str(path), "what": what, "result": result},
        recipe.model.model_dump(),
        recipe.data.crop_size,
        remark,
    )


def _know_checkpoint(name: str, checkpoint: Checkpoint) -> _Known:
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
    return _Known(
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
