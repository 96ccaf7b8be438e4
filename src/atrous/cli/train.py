"""``atrous train``: train on a folder, by a plan made for it or by a recipe."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from atrous.bands import RGB8, PixelKind
from atrous.cli.options import JsonFlag, QuietFlag
from atrous.cli.run_display import RunDisplay, duration, show_end
from atrous.cli.setting_flags import chosen_settings, with_setting_flags
from atrous.cli.terminal import Terminal
from atrous.cli.train_job import PLAN, Job, Wanted, check_plan_is_new, find_job, write_plan
from atrous.errors import ConfigError, DependencyError
from atrous.recipes.recipe import find_recipe

if TYPE_CHECKING:
    from atrous.recipes.recipe import Recipe


@with_setting_flags
def train(
    what: Annotated[
        str,
        Parameter(
            help="Folder of a dataset, for which a plan is made; or a plan or recipe: a TOML file, "
            "or a shipped recipe's name."
        ),
    ],
    *,
    data: Annotated[
        Path | None,
        Parameter(help="Folder of the dataset, for a recipe; a plan knows its own."),
    ] = None,
    out: Annotated[
        Path | None,
        Parameter(
            name=("--out", "-o"),
            help="Run folder. Default: runs/NAME, of the dataset or recipe.",
        ),
    ] = None,
    start: Annotated[
        str | None,
        Parameter(
            help="Weights to start from: the name of a shipped model or of a downloaded official "
            "checkpoint, a model file of ours, a TensorFlow checkpoint of the released DeepLab or "
            "its ImageNet encoders, a frozen graph (.pb), TFLite model (.tflite) or OpenVINO IR "
            "(.xml) of it, or Keras' Xception (.keras, .h5, .npz); none for new weights. "
            "Default: the plan's; none for a recipe."
        ),
    ] = None,
    plan_only: Annotated[
        bool,
        Parameter(
            negative="",
            help="Write the plan for a dataset to OUT (a .toml file, or a folder for plan.toml; "
            "default: plan.toml), show it, and train nothing.",
        ),
    ] = False,
    resume: Annotated[
        bool, Parameter(negative="", help="Go on from the newest checkpoint in OUT.")
    ] = False,
    allow_changes: Annotated[
        bool,
        Parameter(negative="", help="Resume although settings that weights depend on differ."),
    ] = False,
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
    **settings: Any,
) -> int:
    """Train a model and measure it as it goes.

    For a folder, atrous looks at its pictures and at the machine, and makes a plan: a recipe
    with a reason for each setting, which is kept in the run folder as plan.toml.

    The run folder gets the resolved recipe, the environment, metrics.csv, checkpoints, sheets of
    samples, a report, a model card, and last.safetensors and best.safetensors, which predict,
    evaluate and export take.
    """
    first = os.environ.get("RANK", "0") == "0"  # of the processes that a launcher has started
    terminal = Terminal(as_json=json and first, quiet=quiet or not first)
    try:
        import torch

        from atrous.cli.run_report import RunReport
        from atrous.cli.train_classifier import train_classifier
        from atrous.engine.memory import keep_freed_memory
        from atrous.recipes.classify_recipe import is_classification
        from atrous.recipes.journal import Onlookers
        from atrous.recipes.run import run_training
        from atrous.recipes.trackers import check_trackers, trackers_from
    except ModuleNotFoundError as error:
        raise DependencyError(f"training needs {error.name}; pip install 'atrous[train]'") from None
    if not torch.cuda.is_available():
        keep_freed_memory()
    trackers = trackers_from(log)
    check_trackers(trackers)
    wanted = Wanted(what, data, start, chosen_settings(settings))
    if wanted.dataset is None and is_classification(find_recipe(what)):
        return train_classifier(
            wanted,
            out or _free_folder(Path("runs") / wanted.name, resume=resume),
            terminal,
            reporter=lambda meter: RunDisplay(terminal, meter),
            resume=resume,
            allow_changes=allow_changes,
        )
    if plan_only:
        return _write_plan(terminal, wanted, out)
    run = out or _free_folder(Path("runs") / wanted.name, resume=resume)
    job = find_job(wanted.resumed(run) if resume else wanted, terminal, first=first)
    _tell_channels(terminal, job.recipe)
    if first and job.recipe.data.eval_split == job.recipe.data.train_split:
        terminal.warn("measures what it trains on, which says nothing about new pictures")
    report = RunReport()
    with terminal.meter() as meter:
        found = run_training(
            job.recipe,
            job.data,
            out=run,
            name=wanted.name,
            reporter=RunDisplay(terminal, meter, plan=job.plan),
            start=job.start,
            resume=resume,
            allow_changes=allow_changes,
            onlookers=Onlookers(trackers, report.watchers),
        )
    if first:
        page = report.write(run, name=wanted.name, split=job.recipe.data.eval_split)
        show_end(terminal, run, job.data, found, report=page)
    return 0


def _write_plan(terminal: Terminal, wanted: Wanted, out: Path | None) -> int:
    """Make the plan for a dataset, write it and show it."""
    from atrous.recipes.plan_file import with_estimate

    job = find_job(wanted, terminal, first=True)
    if job.plan is None:
        raise ConfigError(f"--plan-only is for the folder of a dataset; {wanted.what} is a recipe")
    place = out or Path(PLAN)
    path = place if place.suffix == ".toml" else place / PLAN
    check_plan_is_new(path)
    text = with_estimate(job.plan, _time_of(job))
    write_plan(path, text)
    terminal.say(f"written to {path}; edit it, and train it with atrous train {path}")
    terminal.show(Text(text.rstrip()))
    terminal.give("train", {"plan": str(path), "recipe": job.recipe.model_dump(mode="json")})
    return 0


def _time_of(job: Job) -> str:
    """How long a plan trains, by an estimate from a step that is tried."""
    from atrous.data.detect import open_split
    from atrous.recipes.step_time import step_seconds

    seconds = step_seconds(job.recipe)
    if seconds is None:
        return "This machine has no memory for two samples at once; choose a smaller crop_size."
    train, data = job.recipe.train, job.recipe.data
    pictures = len(open_split(job.data, data.train_split, layout=data.layout).pairs)
    steps = train.total_steps(max(pictures // train.batch_size, 1))
    return (
        f"Training takes about {duration(steps * seconds)} on this machine. That is an estimate: "
        f"{steps} steps of {seconds:.2f} s, as a pass over two made-up samples took, without "
        "reading and evaluations."
    )


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
