"""``atrous train``: train what a recipe describes."""

import os
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from atrous.bands import RGB8, PixelKind
from atrous.cli.layout_option import LAYOUT_HELP
from atrous.cli.options import JsonFlag, QuietFlag
from atrous.cli.run_display import RunDisplay, show_end
from atrous.cli.terminal import Terminal
from atrous.errors import AtrousError, DependencyError
from atrous.weights.load import find_start

if TYPE_CHECKING:
    from atrous.recipes.recipe import Recipe


def train(
    recipe: Annotated[str, Parameter(help="A shipped recipe's name, or a TOML file.")],
    *,
    data: Annotated[Path, Parameter(help="Folder of the dataset.")],
    layout: Annotated[str | None, Parameter(help=f"{LAYOUT_HELP} Default: the recipe's.")] = None,
    out: Annotated[
        Path | None, Parameter(name=("--out", "-o"), help="Run folder. Default: runs/RECIPE.")
    ] = None,
    start: Annotated[
        str | None,
        Parameter(
            help="Weights to start from: the name of a shipped model or of a downloaded official "
            "checkpoint, a model file of ours, a TensorFlow checkpoint of the released DeepLab or "
            "its ImageNet encoders, a frozen graph (.pb), TFLite model (.tflite) or OpenVINO IR "
            "(.xml) of it, or Keras' Xception "
            "(.keras, .h5, .npz)."
        ),
    ] = None,
    resume: Annotated[
        bool, Parameter(negative="", help="Go on from the newest checkpoint in OUT.")
    ] = False,
    allow_changes: Annotated[
        bool,
        Parameter(negative="", help="Resume although settings that weights depend on differ."),
    ] = False,
    epochs: Annotated[
        int | None, Parameter(help="Instead of the recipe's.", validator=Number(gte=1))
    ] = None,
    log: Annotated[
        str | None,
        Parameter(
            help="Trackers that get numbers and pictures, joined by commas: tensorboard, wandb, "
            "mlflow and others that accelerate knows; none for no tracker. Default: tensorboard, "
            "if it is installed."
        ),
    ] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Train a model and measure it as it goes.

    The run folder gets the resolved recipe, the environment, metrics.csv, checkpoints, sheets of
    samples, a report, a model card, and last.safetensors and best.safetensors, which predict,
    evaluate and export take.
    """
    first = os.environ.get("RANK", "0") == "0"  # of the processes that a launcher has started
    terminal = Terminal(as_json=json and first, quiet=quiet or not first)
    try:
        import torch

        from atrous.cli.run_report import RunReport
        from atrous.engine.memory import keep_freed_memory
        from atrous.recipes.fit import read_fitting_recipe
        from atrous.recipes.journal import Onlookers
        from atrous.recipes.recipe import find_recipe
        from atrous.recipes.run import run_training
        from atrous.recipes.trackers import check_trackers, trackers_from
    except ModuleNotFoundError as error:
        raise DependencyError(f"training needs {error.name}; pip install 'atrous[train]'") from None
    if not torch.cuda.is_available():
        keep_freed_memory()
    trackers = trackers_from(log)
    check_trackers(trackers)
    path = find_recipe(recipe)
    if first:
        _warn_of_faults(terminal, path, data, layout)
    loaded = read_fitting_recipe(path, data, layout=layout)
    _tell_channels(terminal, loaded)
    if epochs is not None:
        changed = loaded.train.model_copy(update={"epochs": epochs, "steps": None})
        loaded = loaded.model_copy(update={"train": changed})
    run = out or _free_folder(Path("runs") / path.stem, resume=resume)
    report = RunReport()
    with terminal.meter() as meter:
        found = run_training(
            loaded,
            data,
            out=run,
            name=path.stem,
            reporter=RunDisplay(terminal, meter),
            start=find_start(start) if start else None,
            resume=resume,
            allow_changes=allow_changes,
            onlookers=Onlookers(trackers, report.watchers),
        )
    if not first:
        return 0
    page = report.write(run, name=path.stem, split=loaded.data.eval_split)
    show_end(terminal, run, data, found, report=page)
    return 0


def _tell_channels(terminal: Terminal, recipe: "Recipe") -> None:
    """Name the pixels that are trained on, where they are not 8-bit RGB."""
    kind = PixelKind(recipe.model.in_channels, recipe.data.bits)
    if kind != RGB8:
        spread = ", ".join(
            f"{mean:g} +- {std:g}"
            for mean, std in zip(recipe.data.mean, recipe.data.std, strict=True)
        )
        terminal.say(f"pictures of {kind}, normalized by {spread}")


def _free_folder(wanted: Path, *, resume: bool) -> Path:
    """``runs/NAME``, or NAME-2, NAME-3 where that is taken; the newest of them to resume."""
    number, folder, newest = 1, wanted, wanted
    while folder.exists():
        number, newest = number + 1, folder
        folder = wanted.with_name(f"{wanted.name}-{number}")
    return newest if resume else folder


def _warn_of_faults(terminal: Terminal, recipe: Path, data: Path, layout: str | None) -> None:
    """Tell what a quick look finds wrong with the dataset; training decides by itself."""
    from atrous.data.doctor import KINDS, quick_check
    from atrous.recipes.recipe import read_table

    try:
        wanted = read_table(recipe).get("data")
        named = wanted.get("layout", "auto") if isinstance(wanted, dict) else "auto"
        found = quick_check(data, layout=layout or str(named))
    except AtrousError:
        return  # training meets the same and says so
    for kind, group in groupby(found, lambda finding: finding.kind):
        if KINDS[kind].severity == "error":
            first, *others = group
            more = f" (and {len(others)} more)" if others else ""
            terminal.warn(f"{KINDS[kind].title}: {first.where}: {first.what}{more}")
    if any(KINDS[finding.kind].severity == "error" for finding in found):
        terminal.warn(f"for all that is wrong, and a mapping: atrous data check {data}")
