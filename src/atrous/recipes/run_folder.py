"""What a run leaves behind, and what it goes on from."""

import csv
import io
import json
import platform
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

import accelerate
import numpy as np
import torch

from atrous.engine.checkpoint import Checkpoint, Settings, differences, load_newest
from atrous.engine.evaluate import Evaluation
from atrous.engine.trainee import Trainee
from atrous.errors import AtrousError, ResourceError, WeightsError
from atrous.imaging import write_file
from atrous.recipes.card_page import start_flag
from atrous.recipes.classify_recipe import ClassifyRecipe
from atrous.recipes.recipe import Recipe, recipe_from
from atrous.recipes.recipe_toml import NAME as RECIPE
from atrous.recipes.recipe_toml import recipe_toml

CHECKPOINTS = "checkpoints"
LOG = "metrics.csv"
SKIPPED = "skipped.csv"
CONVENTION = (
    "one confusion matrix over the split, ignored pixels left out, single scale, whole image"
)
"""How a run measures."""
FREE = frozenset(
    {
        "data.workers",
        "train.evaluate_every",
        "train.checkpoint_minutes",
        "train.checkpoint_steps",
        "train.max_bad_steps",
    }
)
"""Settings that no weight depends on: a run may be resumed with others."""
_COLUMNS = ("epoch", "step", "loss", "learning_rate", "mean_iou", "pixel_accuracy")


@dataclass
class Log:
    """``metrics.csv``: a line for each epoch. Written whole, so that a full disk tears nothing."""

    text: str = ",".join(_COLUMNS) + "\r\n"

    def add(self, trainee: Trainee, evaluation: Evaluation | None) -> None:
        """Take down the epoch that is about to be finished."""
        rate = float(trainee.optimizer.param_groups[0]["lr"])
        scores = (evaluation.mean_iou, evaluation.pixel_accuracy) if evaluation else ("", "")
        loss = f"{trainee.mean_loss:.6f}"
        file = io.StringIO(newline="")
        csv.writer(file).writerow((trainee.epoch + 1, trainee.step, loss, rate, *scores))
        self.text += file.getvalue()

    @property
    def best(self) -> tuple[int, float]:
        """The first epoch with the highest mean IoU so far, and that; 0 and -1 before any."""
        rows = csv.DictReader(io.StringIO(self.text, newline=""))
        scores = ((int(row["epoch"]), float(row["mean_iou"] or -1)) for row in rows)
        return max(scores, key=lambda score: score[1], default=(0, -1.0))

    def write(self, run: Path) -> None:
        """Write the file.

        Raises:
            ResourceError: If that is not possible.
        """
        content = self.text.encode()
        write_file(run / LOG, lambda file: file.write(content), overwrite=True)


def find_checkpoint(
    out: Path, settings: Settings, *, resume: bool, allow_changes: bool
) -> tuple[Checkpoint | None, dict[str, str]]:
    """The newest checkpoint of a run that is resumed, and how its settings differ from these.

    Raises:
        WeightsError: If checkpoints are damaged, or came about under settings that are not free
            to change and ``allow_changes`` is false.
    """
    if not resume:
        return None, {}
    checkpoint = load_newest(out / CHECKPOINTS)
    if checkpoint is None:
        return None, {}
    found = differences(_completed(checkpoint.settings), settings)
    changed = {name: how for name, how in found.items() if name not in FREE}
    if changed and not allow_changes:
        raise WeightsError(
            f"{out}: was trained under other settings ({'; '.join(list(changed.values())[:5])}); "
            "resume with those, go on in spite of it with --allow-changes, or start a new run"
        )
    return checkpoint, changed


def _completed(settings: Settings) -> Settings:
    """Settings with the defaults of what the version that wrote them did not know."""
    parts = ("model", "data", "train")
    try:
        recipe = recipe_from({part: settings[part] for part in parts}, where="checkpoint")
    except (AtrousError, KeyError):
        return settings
    return {**settings, **recipe.model_dump(mode="json")}


def describe_run(out: Path, recipe: Recipe | ClassifyRecipe, settings: Settings) -> None:
    """Write what a run was told, and where it runs.

    Args:
        out: The run folder.
        recipe: What to train; also as TOML, to be edited and trained again.
        settings: All that it was told.

    Raises:
        ResourceError: If that is not possible.
    """
    again = f"atrous train {out / RECIPE} --data DATA{start_flag(settings.get('start'))}"
    texts = {
        "recipe.json": json.dumps(settings, indent=2) + "\n",
        RECIPE: recipe_toml(recipe, comment=f"Every setting of the run {out.name}:\n\n  {again}"),
        "environment.json": json.dumps(_environment(), indent=2) + "\n",
    }
    for name, text in texts.items():
        content = text.encode()
        write_file(out / name, partial(_put, content), overwrite=True)


def _put(content: bytes, file: IO[bytes]) -> None:
    file.write(content)


def note_skipped(run: Path, step: int, files: list[Path]) -> None:
    """Add the pictures of a step that was skipped to ``skipped.csv``.

    Raises:
        ResourceError: If that is not possible.
    """
    path = run / SKIPPED
    try:
        with path.open("a", newline="") as file:
            csv.writer(file).writerows((step, picture) for picture in files)
    except OSError as error:
        raise ResourceError(f"{path}: cannot be written ({error.strerror})") from None


def result_of(evaluation: Evaluation, *, split: str, epoch: int) -> dict[str, Any]:
    """What a model's card says of a measurement."""
    return {
        **asdict(evaluation),
        "split": split,
        "epoch": epoch,
        "convention": CONVENTION,
    }


def _environment() -> dict[str, Any]:
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "accelerate": accelerate.__version__,
        "numpy": np.__version__,
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
        "gpu": gpu,
    }
