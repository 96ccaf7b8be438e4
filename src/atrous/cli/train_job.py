"""What ``atrous train`` is asked to do: by a recipe, or by a plan made for a folder."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from atrous.cli.terminal import Terminal
from atrous.errors import AtrousError, ConfigError, ResourceError
from atrous.imaging import write_file
from atrous.recipes.recipe import Inputs, Recipe, find_recipe, inputs_of, read_table
from atrous.weights.load import find_start

PLAN = "plan.toml"
"""The plan in a run folder."""
_SHOWN = ("model.encoder", "data.crop_size", "train.batch_size", "inputs.start")


@dataclass(frozen=True)
class Wanted:
    """What was typed."""

    what: str
    """Folder of a dataset, or a recipe."""
    data: Path | None
    start: str | None
    settings: Mapping[str, Any]
    """By key."""

    @property
    def dataset(self) -> Path | None:
        """The folder that a plan is to be made for; None for a recipe."""
        # Unlike pathlib, os.path takes names that cannot be, such as overlong ones, for missing.
        return Path(self.what) if self.data is None and os.path.isdir(self.what) else None

    @property
    def name(self) -> str:
        """What run and model are called."""
        if self.dataset:
            return self.dataset.resolve().name or "dataset"
        path = find_recipe(self.what)
        data = inputs_of(read_table(path), where=str(path)).data
        return Path(data).resolve().name if data else path.stem

    def resumed(self, run: Path) -> "Wanted":
        """The same by the plan that a run has, so that nothing is decided anew."""
        plan = run / PLAN
        if self.dataset is None or not plan.is_file():
            return self
        return replace(self, what=str(plan), data=self.dataset)


@dataclass(frozen=True)
class Job:
    """What is trained, on what, and from where."""

    recipe: Recipe
    data: Path
    start: Path | None
    plan: str | None = None
    """The text of the plan, where one was made."""


def find_job(wanted: Wanted, terminal: Terminal, *, first: bool) -> Job:
    """Read the recipe, or make a plan.

    Args:
        wanted: What was typed.
        terminal: Told what a quick look finds wrong with the dataset, and what was planned.
        first: Whether this process is the first of those that train together.

    Raises:
        AtrousError: If recipe, plan, dataset or start cannot be used.
    """
    if wanted.dataset:
        return _plan(wanted, wanted.dataset, terminal)
    from atrous.recipes.fit import read_fitting_recipe

    path = find_recipe(wanted.what)
    inputs = inputs_of(read_table(path), where=str(path))
    data = _data_of(wanted, inputs, path)
    if first:
        layout = wanted.settings.get("data.layout") or _layout_of(path)
        _warn_of_faults(terminal, data, str(layout))
    recipe = read_fitting_recipe(path, data, chosen=wanted.settings)
    return Job(recipe, data, _start(wanted.start or inputs.start))


def _plan(wanted: Wanted, data: Path, terminal: Terminal) -> Job:
    from atrous.recipes.fit import fitting_recipe
    from atrous.recipes.measure import measure_dataset
    from atrous.recipes.plan import make_plan
    from atrous.recipes.plan_file import plan_text

    if os.environ.get("WORLD_SIZE", "1") != "1":
        raise ConfigError(
            f"{data}: several processes must train by one plan; make it first with atrous train "
            f"{data} --plan-only, and launch atrous train {PLAN}"
        )
    if wanted.start and not wanted.start.isprintable():
        raise ConfigError(f"--start {wanted.start!r}: a plan cannot hold such a name; rename it")
    splits = {
        name: str(wanted.settings.get(f"data.{name}", default))
        for name, default in (("layout", "auto"), ("train_split", "train"), ("eval_split", "val"))
    }
    _warn_of_faults(terminal, data, splits["layout"])
    measured = measure_dataset(data, **splits, start=_start(wanted.start))
    start = {"inputs.start": wanted.start} if wanted.start else {}
    plan = make_plan(measured, {**start, **wanted.settings})
    text = plan_text(plan, measured)
    recipe = fitting_recipe(tomllib.loads(text), data, where=f"the plan for {data}")
    shown = (f"{one.key.partition('.')[2]} {one.value}" for one in plan if one.key in _SHOWN)
    terminal.say(f"planned: {', '.join(shown)}; {PLAN} has all settings and their reasons")
    return Job(recipe, data, _start(recipe.inputs.start), text)


def write_plan(path: Path, text: str) -> None:
    """Write a plan; one that is there is never replaced.

    Raises:
        ResourceError: If it is there, or cannot be written.
    """
    check_plan_is_new(path)
    write_file(path, lambda file: file.write(text.encode()))


def check_plan_is_new(path: Path) -> None:
    """Refuse to write where a plan is.

    Raises:
        ResourceError: If something is there.
    """
    if os.path.exists(path):
        raise ResourceError(f"{path}: is there already, perhaps edited; give another --out")


def _start(name: str | None) -> Path | None:
    return find_start(name) if name and name != "none" else None


def _data_of(wanted: Wanted, inputs: Inputs, path: Path) -> Path:
    if wanted.data:
        return wanted.data
    if inputs.data:
        return Path(inputs.data)
    raise ConfigError(
        f"{path}: does not say which dataset; give --data FOLDER, or train on a folder without a "
        "recipe: atrous train FOLDER"
    )


def _layout_of(recipe: Path) -> object:
    wanted = read_table(recipe).get("data")
    return wanted.get("layout", "auto") if isinstance(wanted, dict) else "auto"


def _warn_of_faults(terminal: Terminal, data: Path, layout: str) -> None:
    """Tell what a quick look finds wrong with the dataset; training decides by itself."""
    from atrous.data.doctor import KINDS, quick_check

    try:
        found = quick_check(data, layout=layout)
    except AtrousError:
        return  # training meets the same and says so
    for kind, group in groupby(found, lambda finding: finding.kind):
        if KINDS[kind].severity == "error":
            first, *others = group
            more = f" (and {len(others)} more)" if others else ""
            terminal.warn(f"{KINDS[kind].title}: {first.where}: {first.what}{more}")
    if any(KINDS[finding.kind].severity == "error" for finding in found):
        terminal.warn(f"for all that is wrong, and a mapping: atrous data check {data}")
