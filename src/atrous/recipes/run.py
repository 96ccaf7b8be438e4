"""Wire data, model and engine together: from a recipe to a run folder."""

import time
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedType, broadcast_object_list, gather_object, set_seed
from numpy.random import Generator
from torch import Tensor
from torch.utils.data import DataLoader

from atrous.data import PairList
from atrous.data.augment import jitter_color, scale_crop_flip
from atrous.data.detect import open_split
from atrous.data.loader import (
    Batch,
    Normalization,
    Samples,
    StepSampler,
    shared_batch,
    training_batches,
)
from atrous.data.sample import Sample
from atrous.engine.checkpoint import Checkpoint, Settings, save_checkpoint
from atrous.engine.config import DataConfig, TrainConfig
from atrous.engine.evaluate import Evaluation, evaluation_of
from atrous.engine.interruption import Interruption
from atrous.engine.norms import set_norm_momentum
from atrous.engine.optimizer import build_optimizer, build_schedule
from atrous.engine.ranks import measure_together, share_buffers
from atrous.engine.sync_norms import synchronize_norms
from atrous.engine.train import Loop, Loss, Progress
from atrous.engine.trainee import Trainee, moving_average, restore
from atrous.errors import ConfigError, Interrupted, TrainingError
from atrous.losses.cross_entropy import cross_entropy
from atrous.models.build import build_model
from atrous.models.torch_engine import TorchEngine
from atrous.recipes.recipe import Recipe
from atrous.recipes.run_folder import (
    CHECKPOINTS,
    SKIPPED,
    Log,
    find_checkpoint,
    make_run_folder,
    note_skipped,
    result_of,
)
from atrous.runtime.card import ModelCard, Preprocessing
from atrous.runtime.predictor import Predictor
from atrous.weights.model_file import save_model
from atrous.weights.start import load_start
from atrous.weights.unfold import unfold_norms

_UNFOLD_BATCHES = 6
_NAMED_FILES = 5
_LAUNCHES = (DistributedType.NO, DistributedType.MULTI_GPU, DistributedType.MULTI_CPU)


class Reporter(Protocol):
    """Told of what happens while a run goes on."""

    def started(self, *, steps: int, steps_done: int, run: Path) -> None:
        """Training begins, or goes on from ``steps_done``."""

    def stepped(self, progress: Progress) -> None:
        """A step is done."""

    def evaluated(self, epoch: int, evaluation: Evaluation) -> None:
        """The evaluation split was measured after ``epoch`` epochs."""

    def told(self, sentence: str) -> None:
        """Something has happened that the user should know."""


class Silent:
    """The reporter of all processes but the first."""

    def started(self, *, steps: int, steps_done: int, run: Path) -> None:
        """Keep quiet."""

    def stepped(self, progress: Progress) -> None:
        """Keep quiet."""

    def evaluated(self, epoch: int, evaluation: Evaluation) -> None:
        """Keep quiet."""

    def told(self, sentence: str) -> None:
        """Keep quiet."""


def run_training(
    recipe: Recipe,
    data: Path,
    *,
    out: Path,
    name: str,
    reporter: Reporter,
    start: Path | None = None,
    resume: bool = False,
    allow_changes: bool = False,
) -> Evaluation:
    """Train what a recipe describes, into a run folder.

    The folder gets ``recipe.json``, ``environment.json``, ``metrics.csv``, ``checkpoints/``,
    ``last.safetensors`` and ``best.safetensors`` (by mean IoU on the evaluation split). Several
    processes, as `accelerate launch` or `torchrun` start them, share each step and each
    measurement; the first one writes.

    Args:
        recipe: What to train and how.
        data: Folder of the dataset.
        out: The run folder; must not exist unless ``resume``.
        name: What the model is called in its card.
        reporter: Told of each step and evaluation.
        start: Weights for the encoder, see `atrous.weights.start`.
        resume: Go on from the newest checkpoint in ``out``.
        allow_changes: Resume under settings that weights depend on and that have changed.

    Returns:
        The last evaluation.

    Raises:
        ConfigError: If recipe and dataset do not fit each other.
        DatasetError: If the dataset cannot be used.
        WeightsError: If ``start`` does not fit, or a checkpoint does not.
        ResourceError: If ``out`` is there already, or cannot be written, or memory is short.
        TrainingError: If losses or gradients were not finite too often.
        Interrupted: If a signal asked to stop; the state is saved.
    """
    pairs, eval_pairs = (
        _open_fitting_split(recipe, data, split)
        for split in (recipe.data.train_split, recipe.data.eval_split)
    )
    accelerator = _accelerator(recipe.train)
    out = Path(*broadcast_object_list([str(out)]))
    reporter = reporter if accelerator.is_main_process else Silent()
    settings = {**recipe.model_dump(mode="json"), "start": start.name if start else None}
    conditions = {
        **settings,
        "pictures": len(pairs.pairs),
        "processes": accelerator.num_processes,
        "torch": str(torch.__version__),
    }
    checkpoint, changed = find_checkpoint(
        out, conditions, resume=resume, allow_changes=allow_changes
    )
    set_seed(recipe.train.seed)
    trainee, batches, sampler = _build(recipe, pairs, start, accelerator)
    log = Log()
    if checkpoint:
        restore(trainee, checkpoint.state, changed=bool(changed))
        log.text = str(checkpoint.state["log"])
    if accelerator.is_main_process:
        make_run_folder(out, settings)
        log.write(out)
    trainee.model, trainee.optimizer = accelerator.prepare(trainee.model, trainee.optimizer)
    if trainee.average:
        trainee.average.to(accelerator.device)
    if checkpoint and accelerator.scaler and checkpoint.state["scaler"]:
        accelerator.scaler.load_state_dict(checkpoint.state["scaler"])
    run = _Run(
        recipe=recipe,
        out=out,
        conditions=conditions,
        accelerator=accelerator,
        trainee=trainee,
        batches=batches,
        sampler=sampler,
        log=log,
        pairs=pairs,
        eval_pairs=eval_pairs,
        card=_card(recipe, name, pairs, settings),
        reporter=reporter,
    )
    if changed:
        reporter.told(f"resuming under other settings: {'; '.join(changed.values())}")
    if sampler.batch_size != recipe.train.batch_size:
        reporter.told(
            f"{len(pairs.pairs)} pictures and {accelerator.num_processes} processes make "
            f"{sampler.batch_size} samples in a step, not {recipe.train.batch_size}"
        )
    return run.train()


class _Run:
    """A run under way: steps, and between them measurements and checkpoints."""

    def __init__(  # noqa: PLR0913
        self,
        *,
        recipe: Recipe,
        out: Path,
        conditions: Settings,
        accelerator: Accelerator,
        trainee: Trainee,
        batches: DataLoader[Batch],
        sampler: StepSampler,
        log: Log,
        pairs: PairList,
        eval_pairs: PairList,
        card: ModelCard,
        reporter: Reporter,
    ) -> None:
        self.recipe, self.out, self.conditions = recipe, out, conditions
        self.accelerator, self.trainee = accelerator, trainee
        self.batches, self.sampler = batches, sampler
        self.log, self.card, self.reporter = log, card, reporter
        self.pairs, self.eval_pairs = pairs, eval_pairs
        self.total_steps = recipe.train.total_steps(sampler.steps)
        self.interruption = Interruption(self._save_and_tell)
        self.loop = Loop(
            trainee,
            accelerator,
            loss=_loss(recipe.train, pairs, sampler.steps, accelerator.device),
            ignore_index=pairs.label_set.ignore_index,
            clip_norm=recipe.train.clip_norm,
            seed=recipe.train.seed,
            channels_last=recipe.train.channels_last,
            interruption=self.interruption,
        )
        self.loop.told = reporter.told
        engine = TorchEngine(trainee.to_keep, device=accelerator.device)  # type: ignore[arg-type]
        self.predict = Predictor(engine, card).predict_pixels
        self.saved_at, self.saved_step = time.monotonic(), trainee.step

    def train(self) -> Evaluation:
        """Train to the end, and give the last evaluation."""
        trainee, evaluation = self.trainee, None
        self.reporter.started(steps=self.total_steps, steps_done=trainee.step, run=self.out)
        with self.interruption:
            while trainee.step < self.total_steps or trainee.epoch_steps:
                self._train_epoch()
                evaluation = self._finish_epoch()
            return evaluation or self._measure()

    def _train_epoch(self) -> None:
        """Take the steps of the epoch that are left."""
        trainee = self.trainee
        self.sampler.set_position(trainee.epoch, trainee.epoch_steps)
        left = self.total_steps - trainee.step
        for progress in islice(self.loop.steps(self.batches), left):
            self.reporter.stepped(progress)
            if progress.skipped:
                self._note_skipped(progress)
            if self.loop.stop:
                self._leave()
            if len(self.sampler) - trainee.epoch_steps and self._save_is_due():
                self._save()

    def _finish_epoch(self) -> Evaluation | None:
        """Measure, keep and log, and save that all this is done."""
        trainee, number = self.trainee, self.trainee.epoch + 1
        last = trainee.step >= self.total_steps
        due = last or number % self.recipe.train.evaluate_every == 0
        evaluation = self._measure() if due else None
        if evaluation:
            self.reporter.evaluated(number, evaluation)
        if evaluation and self.accelerator.is_main_process:
            self._keep(evaluation, number)
        with self.interruption.busy:  # the log and the position are saved together
            self.log.add(trainee, evaluation)
            trainee.finish_epoch()
        if self.accelerator.is_main_process:
            self.log.write(self.out)
        self._save()
        return evaluation

    def _measure(self) -> Evaluation:
        network = self.trainee.to_keep.eval()
        share_buffers(network, self.accelerator)
        matrix, images = measure_together(
            self.predict, self.eval_pairs, self.accelerator, watch=self._until_interrupted
        )
        return evaluation_of(matrix, self.eval_pairs.label_set.names, images)

    def _until_interrupted(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        for sample in samples:
            yield sample
            # One of several processes cannot leave the others waiting for its counts.
            if self.interruption.asked and self.accelerator.num_processes == 1:
                self._leave()

    def _keep(self, evaluation: Evaluation, epoch: int) -> None:
        """Write the network as the last, and as the best if none before was as good."""
        result = result_of(evaluation, split=self.recipe.data.eval_split, epoch=epoch)
        card = self.card.model_copy(update={"result": result})
        names = ("last", "best") if evaluation.mean_iou > self.log.best else ("last",)
        for name in names:
            path = self.out / f"{name}.safetensors"
            save_model(path, self.trainee.to_keep, card, overwrite=True)

    def _save_is_due(self) -> bool:
        minutes, steps = self.recipe.train.checkpoint_minutes, self.recipe.train.checkpoint_steps
        late = minutes is not None and time.monotonic() - self.saved_at >= 60 * minutes
        return late or (steps is not None and self.trainee.step - self.saved_step >= steps)

    def _save(self) -> None:
        if self.accelerator.is_main_process:
            with self.interruption.busy:
                state = {**self.loop.state_before_step(), "log": self.log.text}
                checkpoint = Checkpoint(self.trainee.step, state, self.conditions)
                save_checkpoint(self.out / CHECKPOINTS, checkpoint)
        self.saved_at, self.saved_step = time.monotonic(), self.trainee.step

    def _save_and_tell(self) -> None:
        self._save()
        self.reporter.told(self._farewell())

    def _leave(self) -> None:
        self._save()
        raise Interrupted(self._farewell())

    def _farewell(self) -> str:
        return (
            f"interrupted after step {self.trainee.step} of {self.total_steps}, which is saved; "
            f"the same command with --out {self.out} --resume goes on from there"
        )

    def _note_skipped(self, progress: Progress) -> None:
        """Name the pictures of a step that was skipped, and stop when there are too many."""
        places: list[int] = gather_object(list(progress.skipped))
        files = [self.pairs.pairs[place].image.path for place in places]
        more = f" and {len(files) - _NAMED_FILES} more" if len(files) > _NAMED_FILES else ""
        named = ", ".join(str(file) for file in files[:_NAMED_FILES]) + more
        what = (
            f"step {progress.step}: loss {progress.loss}, gradient norm {progress.gradient_norm}, "
            f"which is not finite, on {named}"
        )
        if self.accelerator.is_main_process:
            note_skipped(self.out, progress.step, files)
        if self.trainee.bad_steps <= self.recipe.train.max_bad_steps:
            self.reporter.told(f"{what}; skipped")
            return
        self._save()
        raise TrainingError(
            f"{what}; {self.trainee.bad_steps} steps were skipped for that, and the state before "
            f"this one is saved. All files are in {self.out / SKIPPED}; look at them with atrous "
            "data check, or train with a smaller learning_rate or a clip_norm"
        )


def augment(
    sample: Sample,
    random: Generator,
    *,
    config: DataConfig,
    fill: tuple[int, int, int],
    ignore_index: int,
) -> Sample:
    """What a recipe's ``[data]`` asks for, on one sample."""
    cut = scale_crop_flip(
        sample,
        random,
        crop_size=config.crop_size,
        scale=config.scale,
        flip=config.flip,
        fill=fill,
        ignore_index=ignore_index,
    )
    if not config.color_jitter:
        return cut
    image = jitter_color(cut.image, random, strength=config.color_jitter)
    return Sample(cut.name, image, cut.labels)


def _open_fitting_split(recipe: Recipe, data: Path, split: str) -> PairList:
    pairs = open_split(data, split, layout=recipe.data.layout)
    found, wanted = pairs.label_set.num_classes, recipe.model.num_classes
    if found != wanted:
        raise ConfigError(
            f"the recipe has num_classes = {wanted}, the dataset in {data} has {found} classes; "
            f"set model.num_classes to {found}"
        )
    return pairs


def _accelerator(config: TrainConfig) -> Accelerator:
    precision = _precision(config.precision)
    try:
        # Without a device accelerate joins processes that torchrun has started only if it is told.
        on_cpu = not torch.accelerator.is_available()
        accelerator = Accelerator(cpu=on_cpu, mixed_precision=precision)
    except ValueError as error:
        raise ConfigError(
            f"train.precision = {config.precision!r} is not possible here ({error}); take auto"
        ) from None
    if accelerator.distributed_type not in _LAUNCHES:
        raise ConfigError(
            f"processes of kind {accelerator.distributed_type.value} cannot train here; launch "
            "with torchrun, or accelerate launch without FSDP, DeepSpeed and the like"
        )
    return accelerator


def _precision(wanted: str) -> str:
    if wanted == "auto":
        if not torch.cuda.is_available():
            return "no"
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    return "no" if wanted == "fp32" else wanted


def _build(
    recipe: Recipe, pairs: PairList, start: Path | None, accelerator: Accelerator
) -> tuple[Trainee, DataLoader[Batch], StepSampler]:
    """The model on its start, what moves it, and the batches that do."""
    config = recipe.train
    normalization = Normalization(recipe.data.mean, recipe.data.std)
    samples = Samples(
        pairs,
        seed=config.seed,
        normalization=normalization,
        augment=partial(
            augment,
            config=recipe.data,
            fill=normalization.fill,
            ignore_index=pairs.label_set.ignore_index,
        ),
    )
    processes = accelerator.num_processes
    sampler = StepSampler(
        len(samples),
        seed=config.seed,
        batch_size=shared_batch(config.batch_size, samples=len(samples), processes=processes),
        process=accelerator.process_index,
        processes=processes,
    )
    batches = training_batches(samples, sampler, workers=recipe.data.workers)
    model = build_model(recipe.model)
    if start:
        folded = load_start(model, start)
        few = (batch.images for batch in islice(batches, _UNFOLD_BATCHES if folded else 0))
        unfold_norms(model, folded, few)
    total_steps = config.total_steps(sampler.steps)
    set_norm_momentum(model, config.norm_momentum, total_steps=total_steps)
    if config.sync_norms and processes > 1:
        synchronize_norms(model)
    if config.channels_last:
        model = model.to(memory_format=torch.channels_last)
    if config.compile:
        model.compile()
    optimizer = build_optimizer(model, config)
    schedule = build_schedule(optimizer, config, total_steps=total_steps)
    trainee = Trainee(
        network=model,
        model=model,
        optimizer=optimizer,
        schedule=schedule,
        average=moving_average(model, config.ema_decay),
        device_batch=config.device_batch,
    )
    return trainee, batches, sampler


def _loss(config: TrainConfig, pairs: PairList, steps_per_epoch: int, device: torch.device) -> Loss:
    """Cross entropy, with the weights of classes for as long as the recipe says."""
    limit = config.class_weights_epochs
    weights = torch.tensor(config.class_weights, device=device) if config.class_weights else None

    def loss(logits: Tensor, labels: Tensor, step: int) -> Tensor:
        weighted = limit is None or step < limit * steps_per_epoch
        return cross_entropy(
            logits,
            labels,
            ignore_index=pairs.label_set.ignore_index,
            class_weights=weights if weighted else None,
        )

    return loss


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
