"""Wire data, model and engine together: from a recipe to a run folder."""

import csv
import json
import platform
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import accelerate
import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import DataLoaderConfiguration, set_seed
from torch.utils.data import DataLoader

from atrous.data import PairList
from atrous.data.detect import open_split
from atrous.data.loader import Batch, Normalization, Samples, training_batches
from atrous.engine.checkpoint import Checkpoint, load_newest, save_checkpoint
from atrous.engine.evaluate import Evaluation, evaluate, samples_of
from atrous.engine.norms import set_norm_momentum
from atrous.engine.optimizer import build_optimizer, build_schedule
from atrous.engine.train import Progress, Trainee, moving_average, train_epoch
from atrous.errors import ConfigError, ResourceError
from atrous.models.build import build_model
from atrous.models.torch_engine import TorchEngine
from atrous.recipes.augmentation import plan_data
from atrous.recipes.recipe import Recipe
from atrous.runtime.card import ModelCard, Preprocessing
from atrous.runtime.predictor import Predictor
from atrous.weights.model_file import save_model
from atrous.weights.start import load_start
from atrous.weights.unfold import unfold_norms

_UNFOLD_BATCHES = 6


class Reporter(Protocol):
    """Told of what happens while a run goes on."""

    def started(self, *, steps: int, steps_done: int, run: Path) -> None:
        """Training begins, or goes on from ``steps_done``."""

    def stepped(self, progress: Progress) -> None:
        """A step is done."""

    def evaluated(self, epoch: int, evaluation: Evaluation) -> None:
        """The evaluation split was measured after ``epoch`` epochs."""


def run_training(
    recipe: Recipe,
    data: Path,
    *,
    out: Path,
    name: str,
    reporter: Reporter,
    start: Path | None = None,
    resume: bool = False,
) -> Evaluation:
    """Train what a recipe describes, into a run folder.

    The folder gets ``recipe.json``, ``environment.json``, ``metrics.csv``, ``checkpoints/``,
    ``last.safetensors`` and ``best.safetensors`` (by mean IoU on the evaluation split).

    Args:
        recipe: What to train and how.
        data: Folder of the dataset.
        out: The run folder; must not exist unless ``resume``.
        name: What the model is called in its card.
        reporter: Told of each step and evaluation.
        start: Weights for the encoder, see `atrous.weights.start`.
        resume: Go on from the newest checkpoint in ``out``.

    Returns:
        The last evaluation.

    Raises:
        ConfigError: If recipe and dataset do not fit each other.
        DatasetError: If the dataset cannot be used.
        WeightsError: If ``start`` does not fit, or a checkpoint does not.
        ResourceError: If ``out`` is there already, or cannot be written.
    """
    pairs, eval_pairs = (
        _open_fitting_split(recipe, data, split)
        for split in (recipe.data.train_split, recipe.data.eval_split)
    )
    settings = {**recipe.model_dump(mode="json"), "start": start.name if start else None}
    checkpoint = _open_run(out, settings, resume=resume)
    set_seed(recipe.train.seed)
    accelerator = Accelerator(
        mixed_precision=_precision(recipe.train.precision),
        dataloader_config=DataLoaderConfiguration(use_seedable_sampler=False),
    )
    trainee, batches = _build(recipe, pairs, start)
    _restore(trainee, checkpoint, len(batches))
    reporter.started(steps=recipe.train.epochs * len(batches), steps_done=trainee.step, run=out)
    trainee.model, trainee.optimizer, batches = accelerator.prepare(
        trainee.model, trainee.optimizer, batches
    )
    if trainee.average:
        trainee.average.to(accelerator.device)
    weights = recipe.train.class_weights
    limit = recipe.train.class_weights_epochs
    weighted_epochs = recipe.train.epochs if limit is None else limit
    class_weights = torch.tensor(weights, device=accelerator.device) if weights else None
    card = _card(recipe, name, pairs, settings)
    engine = TorchEngine(accelerator.unwrap_model(trainee.to_keep), device=accelerator.device)
    predict = Predictor(engine, card).predict_pixels
    evaluation: Evaluation | None = None

    def measure() -> Evaluation:
        trainee.to_keep.eval()
        return evaluate(predict, eval_pairs, samples_of(eval_pairs))

    while trainee.epoch < recipe.train.epochs:
        batches.set_epoch(trainee.epoch)
        mean_loss = train_epoch(
            trainee,
            batches,
            accelerator,
            ignore_index=pairs.label_set.ignore_index,
            class_weights=class_weights if trainee.epoch < weighted_epochs else None,
            on_step=reporter.stepped,
        )
        last = trainee.epoch == recipe.train.epochs
        evaluation = measure() if last or trainee.epoch % recipe.train.evaluate_every == 0 else None
        if evaluation:
            reporter.evaluated(trainee.epoch, evaluation)
            result = _result(evaluation, recipe, trainee.epoch)
            _keep(out, trainee, evaluation, card.model_copy(update={"result": result}))
        _log(out, trainee, mean_loss, evaluation)
        save_checkpoint(out / "checkpoints", _snapshot(trainee), settings=settings)
    return evaluation or measure()


def _open_fitting_split(recipe: Recipe, data: Path, split: str) -> PairList:
    pairs = open_split(data, split, layout=recipe.data.layout)
    found, wanted = pairs.label_set.num_classes, recipe.model.num_classes
    if found != wanted:
        raise ConfigError(
            f"the recipe has num_classes = {wanted}, the dataset in {data} has {found} classes; "
            f"set model.num_classes to {found}"
        )
    return pairs


def _precision(wanted: str) -> str:
    if wanted == "auto":
        if not torch.cuda.is_available():
            return "no"
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    return "no" if wanted == "fp32" else wanted


def _build(
    recipe: Recipe, pairs: PairList, start: Path | None
) -> tuple[Trainee, DataLoader[Batch]]:
    """The model on its start, what moves it, and the batches that do."""
    normalization = Normalization(recipe.data.mean, recipe.data.std)
    plan = plan_data(recipe.data, pairs, fill=normalization.fill)
    samples = Samples(
        pairs,
        seed=recipe.train.seed,
        normalization=normalization,
        augment=plan.augment,
    )
    batches, _ = training_batches(
        samples,
        batch_size=recipe.train.batch_size,
        workers=recipe.data.workers,
        seed=recipe.train.seed,
        times=plan.times,
    )
    model = build_model(recipe.model)
    if start:
        folded = load_start(model, start)
        few = (images for images, _ in islice(batches, _UNFOLD_BATCHES if folded else 0))
        unfold_norms(model, folded, few)
    # A GPU and a CPU both run convolutions faster with the channels last in memory.
    model = model.to(memory_format=torch.channels_last)
    optimizer = build_optimizer(model, recipe.train)
    total_steps = recipe.train.epochs * len(batches)
    set_norm_momentum(model, recipe.train.norm_momentum, total_steps=total_steps)
    schedule = build_schedule(optimizer, recipe.train, total_steps=total_steps)
    return Trainee(
        model, optimizer, schedule, moving_average(model, recipe.train.ema_decay)
    ), batches


def _open_run(out: Path, settings: dict[str, Any], *, resume: bool) -> Checkpoint | None:
    """Make the run folder, or find the newest checkpoint in the one that is there."""
    if out.exists() and not resume:
        raise ResourceError(f"{out}: is there already; give another --out, or --resume")
    if resume and not out.is_dir():
        raise ResourceError(f"{out}: nothing to resume there")
    checkpoint = load_newest(out / "checkpoints", settings=settings) if resume else None
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "recipe.json").write_text(json.dumps(settings, indent=2) + "\n")
        (out / "environment.json").write_text(json.dumps(_environment(), indent=2) + "\n")
        _cut_log(out / "metrics.csv", checkpoint.epoch if checkpoint else 0)
    except OSError as error:
        raise ResourceError(f"{out}: cannot be written ({error.strerror})") from None
    return checkpoint


def _cut_log(path: Path, epoch: int) -> None:
    """Drop what was logged after the checkpoint, for it will be trained again."""
    if path.exists():
        header, *rows = path.read_text().splitlines(keepends=True)
        kept = [row for row in rows if int(row.split(",", 1)[0]) <= epoch]
        path.write_text("".join((header, *kept)))


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


def _card(recipe: Recipe, name: str, pairs: PairList, settings: dict[str, Any]) -> ModelCard:
    return ModelCard(
        name=name,
        classes=pairs.label_set.names,
        palette=pairs.label_set.palette,
        ignore_index=pairs.label_set.ignore_index,
        preprocessing=Preprocessing(
            mean=recipe.data.mean, std=recipe.data.std, longest_side=recipe.data.longest_side
        ),
        align_corners=recipe.model.align_corners,
        architecture=recipe.model.model_dump(mode="json"),
        recipe=settings,
    )


def _result(evaluation: Evaluation, recipe: Recipe, epoch: int) -> dict[str, Any]:
    return {
        **asdict(evaluation),
        "split": recipe.data.eval_split,
        "epoch": epoch,
        "convention": "one confusion matrix over the split, ignored pixels left out, "
        "single scale, whole image",
    }


def _keep(out: Path, trainee: Trainee, evaluation: Evaluation, card: ModelCard) -> None:
    """Write the network as the last, and as the best if none before was as good."""
    best = evaluation.mean_iou > _best_so_far(out)
    save_model(out / "last.safetensors", trainee.to_keep, card, overwrite=True)
    if best:
        save_model(out / "best.safetensors", trainee.to_keep, card, overwrite=True)


def _log(out: Path, trainee: Trainee, mean_loss: float, evaluation: Evaluation | None) -> None:
    path = out / "metrics.csv"
    fresh = not path.exists()
    rate = float(trainee.optimizer.param_groups[0]["lr"])
    scores = (evaluation.mean_iou, evaluation.pixel_accuracy) if evaluation else ("", "")
    try:
        with path.open("a", newline="") as file:
            writer = csv.writer(file)
            if fresh:
                writer.writerow(
                    ("epoch", "step", "loss", "learning_rate", "mean_iou", "pixel_accuracy")
                )
            writer.writerow((trainee.epoch, trainee.step, f"{mean_loss:.6f}", rate, *scores))
    except OSError as error:
        raise ResourceError(f"{path}: cannot be written ({error.strerror})") from None


def _best_so_far(out: Path) -> float:
    path = out / "metrics.csv"
    if not path.exists():
        return -1.0
    with path.open(newline="") as file:
        return max((float(row["mean_iou"] or -1) for row in csv.DictReader(file)), default=-1.0)


def _snapshot(trainee: Trainee) -> Checkpoint:
    state = {
        "model": trainee.model.state_dict(),
        "optimizer": trainee.optimizer.state_dict(),
        "schedule": trainee.schedule.state_dict(),
        "average": trainee.average.state_dict() if trainee.average else None,
        "random": torch.get_rng_state(),
        "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    return Checkpoint(trainee.epoch, state)


def _restore(trainee: Trainee, checkpoint: Checkpoint | None, steps_per_epoch: int) -> None:
    if checkpoint is None:
        return
    state = checkpoint.state
    trainee.model.load_state_dict(state["model"])
    trainee.optimizer.load_state_dict(state["optimizer"])
    trainee.schedule.load_state_dict(state["schedule"])
    if trainee.average:
        trainee.average.load_state_dict(state["average"])
    torch.set_rng_state(state["random"])
    if state["random_cuda"]:
        torch.cuda.set_rng_state_all(state["random_cuda"])
    trainee.epoch = checkpoint.epoch
    trainee.step = checkpoint.epoch * steps_per_epoch
