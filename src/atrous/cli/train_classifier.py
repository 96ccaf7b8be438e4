"""The part of ``atrous train`` that trains classifiers of whole pictures."""

from collections.abc import Mapping
from pathlib import Path

from atrous.cli.terminal import Terminal
from atrous.engine.evaluate_classes import ClassEvaluation
from atrous.errors import ConfigError
from atrous.recipes.classify import run_classification
from atrous.recipes.classify_recipe import read_classify_recipe
from atrous.recipes.reporter import Reporter


def refuse_options(given: Mapping[str, object]) -> None:
    """Refuse options that have no meaning for classifiers.

    Raises:
        ConfigError: If one is given.
    """
    for option, value in given.items():
        if value is not None:
            raise ConfigError(
                f"{option} is for segmentation; this recipe trains a classifier of whole pictures, "
                "anew, on a folder with train/CLASS and val/CLASS"
            )


def train_classifier(
    path: Path,
    data: Path,
    run: Path,
    *,
    reporter: Reporter,
    epochs: int | None,
    resume: bool,
    allow_changes: bool,
) -> ClassEvaluation:
    """Train what a classifier's recipe describes, perhaps for another number of epochs."""
    recipe = read_classify_recipe(path, data)
    if epochs is not None:
        changed = recipe.train.model_copy(update={"epochs": epochs, "steps": None})
        recipe = recipe.model_copy(update={"train": changed})
    return run_classification(
        recipe,
        data,
        out=run,
        name=path.stem,
        reporter=reporter,
        resume=resume,
        allow_changes=allow_changes,
    )


def show_scores(terminal: Terminal, scores: ClassEvaluation, run: Path) -> None:
    """Print what a run came to."""
    terminal.show(f"{scores.in_words} on {scores.images} pictures  {run}/last.safetensors")
    terminal.give(
        "train",
        {"run": str(run), "top1": scores.top1, "top5": scores.top5, "images": scores.images},
    )
