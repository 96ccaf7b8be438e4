"""The part of ``atrous train`` that trains classifiers of whole pictures."""

from collections.abc import Callable
from pathlib import Path

from atrous.cli.terminal import Meter, Terminal
from atrous.cli.train_job import Wanted
from atrous.errors import ConfigError
from atrous.recipes.classify import run_classification
from atrous.recipes.classify_recipe import read_classify_recipe
from atrous.recipes.recipe import find_recipe
from atrous.recipes.reporter import Reporter

_EPOCHS = "train.epochs"
"""The one setting that a flag may change."""


def train_classifier(
    wanted: Wanted,
    run: Path,
    terminal: Terminal,
    *,
    reporter: Callable[[Meter], Reporter],
    resume: bool,
    allow_changes: bool,
) -> int:
    """Train what a classifier's recipe describes, perhaps for another number of epochs.

    Args:
        wanted: What was typed.
        run: The run folder.
        terminal: Shows the result.
        reporter: Makes what shows the run, from a progress bar.
        resume: Go on from the newest checkpoint in ``run``.
        allow_changes: Resume under other settings.

    Raises:
        ConfigError: If options were given that have no meaning for classifiers.
    """
    data = _data_of(wanted)
    path = find_recipe(wanted.what)
    recipe = read_classify_recipe(path, data)
    epochs = wanted.settings.get(_EPOCHS)
    if epochs is not None:
        changed = recipe.train.model_copy(update={"epochs": epochs, "steps": None})
        recipe = recipe.model_copy(update={"train": changed})
    with terminal.meter() as meter:
        scores = run_classification(
            recipe,
            data,
            out=run,
            name=path.stem,
            reporter=reporter(meter),
            resume=resume,
            allow_changes=allow_changes,
        )
    terminal.show(f"{scores.in_words} on {scores.images} pictures  {run}/last.safetensors")
    terminal.give(
        "train",
        {"run": str(run), "top1": scores.top1, "top5": scores.top5, "images": scores.images},
    )
    return 0


def _data_of(wanted: Wanted) -> Path:
    given = [f"--{key.partition('.')[2].replace('_', '-')}" for key in wanted.settings]
    options = [*given, *(["--start"] if wanted.start else [])]
    for option in options:
        if option != "--epochs":
            raise ConfigError(
                f"{option} is for segmentation; this recipe trains a classifier of whole pictures, "
                "anew, on a folder with train/CLASS and val/CLASS; change a copy of the recipe"
            )
    if wanted.data is None:
        raise ConfigError(
            f"{wanted.what}: does not say which dataset; give --data FOLDER, one with train/CLASS "
            "and val/CLASS"
        )
    return wanted.data
