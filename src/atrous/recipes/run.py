"""Wire data, model and engine together: from a recipe to a run folder."""

import contextlib
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, gather_object, set_seed

from atrous.data import PairList
from atrous.data.sample import Sample
from atrous.engine.checkpoint import Checkpoint, Settings, save_checkpoint
from atrous.engine.evaluate import Evaluation, evaluation_of
from atrous.engine.interruption import Interruption
from atrous.engine.ranks import measure_together, share_buffers
from atrous.engine.train import Loop, Progress
from atrous.engine.trainee import restore
from atrous.errors import Interrupted, ResourceError, TrainingError
from atrous.models.torch_engine import TorchEngine
from atrous.recipes.assemble import (
    Parts,
    assemble,
    build_accelerator,
    card_for,
    loss_for,
    open_fitting_split,
)
from atrous.recipes.card_page import Origin, find_terms
from atrous.recipes.journal import NOBODY, Journal, MakeWatchers, Onlookers
from atrous.recipes.recipe import Recipe
from atrous.recipes.reporter import Reporter, Silent
from atrous.recipes.run_folder import (
    CHECKPOINTS,
    SKIPPED,
    Log,
    describe_run,
    find_checkpoint,
    note_skipped,
    result_of,
)
from atrous.recipes.run_lock import take_folder
from atrous.recipes.trackers import check_trackers, open_trackers
from atrous.runtime.card import ModelCard
from atrous.runtime.predictor import Predictor
from atrous.weights.model_file import save_model

_NAMED_FILES = 5


def run_training(  # noqa: PLR0913
    recipe: Recipe,
    data: Path,
    *,
    out: Path,
    name: str,
    reporter: Reporter,
    start: Path | None = None,
    resume: bool = False,
    allow_changes: bool = False,
    onlookers: Onlookers = NOBODY,
) -> Evaluation:
    """Train what a recipe describes, into a run folder.

    The folder gets ``recipe.json``, ``recipe.toml``, ``environment.json``, ``metrics.csv``,
    ``checkpoints/``, ``samples/``, ``last.safetensors`` and ``best.safetensors`` (by mean IoU on
    the evaluation split) and a model card, ``README.md``. Several processes, as
    `accelerate launch` or `torchrun` start them, share each step and each measurement; the first
    one writes, and no other run can write the folder meanwhile.

    Args:
        recipe: What to train and how.
        data: Folder of the dataset.
        out: The run folder; must not exist unless ``resume``.
        name: What the model is called in its card.
        reporter: Told of each step and evaluation.
        start: Weights for the encoder, see `atrous.weights.start`.
        resume: Go on from the newest checkpoint in ``out``.
        allow_changes: Resume under settings that weights depend on and that have changed.
        onlookers: Who is shown what happens, beside the reporter.

    Returns:
        The last evaluation.

    Raises:
        ConfigError: If recipe and dataset do not fit each other, or a tracker is unknown.
        DatasetError: If the dataset cannot be used.
        WeightsError: If ``start`` does not fit, or a checkpoint does not.
        DependencyError: If a tracker is not installed.
        ResourceError: If ``out`` is there already, or another run is in it, or it cannot be
            written, or memory is short.
        TrainingError: If losses or gradients were not finite too often.
        Interrupted: If a signal asked to stop; the state is saved.
    """
    check_trackers(onlookers.trackers)
    pairs, eval_pairs = (
        open_fitting_split(recipe, data, split)
        for split in (recipe.data.train_split, recipe.data.eval_split)
    )
    accelerator = build_accelerator(recipe.train)
    out = Path(*broadcast_object_list([str(out)]))
    reporter = reporter if accelerator.is_main_process else Silent()
    settings = {**recipe.model_dump(mode="json"), "start": start.name if start else None}
    conditions = {
        **settings,
        "pictures": len(pairs.pairs),
        "processes": accelerator.num_processes,
        "torch": str(torch.__version__),
    }
    with contextlib.ExitStack() as stack:
        take_folder(out, stack, accelerator, resume=resume)
        checkpoint, changed = find_checkpoint(
            out, conditions, resume=resume, allow_changes=allow_changes
        )
        set_seed(recipe.train.seed)
        parts = assemble(recipe, pairs, start, accelerator, reporter.told)
        trainee, sampler = parts.trainee, parts.sampler
        log = Log()
        if checkpoint:
            restore(trainee, checkpoint.state, changed=bool(changed))
            log.text = str(checkpoint.state["log"])
        if accelerator.is_main_process:
            describe_run(out, recipe, settings)
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
            parts=parts,
            log=log,
            pairs=pairs,
            eval_pairs=eval_pairs,
            card=card_for(recipe, name, pairs, settings),
            at_the_end=onlookers.at_the_end,
            reporter=reporter,
        )
        if accelerator.is_main_process:
            origin = Origin(
                data.resolve().name, len(pairs.pairs), find_terms(start) if start else None
            )
            run.journal = run.open_journal(origin, onlookers, settings)
            stack.callback(run.journal.close)
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
        parts: Parts,
        log: Log,
        pairs: PairList,
        eval_pairs: PairList,
        card: ModelCard,
        reporter: Reporter,
        at_the_end: MakeWatchers | None = None,
    ) -> None:
        self.recipe, self.out, self.conditions = recipe, out, conditions
        self.accelerator = accelerator
        self.trainee, self.batches, self.sampler, self.watch = parts
        self.log, self.card, self.reporter = log, card, reporter
        self.pairs, self.eval_pairs = pairs, eval_pairs
        self.journal: Journal | None = None
        self.at_the_end = at_the_end
        self.total_steps = recipe.train.total_steps(self.sampler.steps)
        self.interruption = Interruption(self._save_and_tell)
        self.loop = Loop(
            self.trainee,
            accelerator,
            loss=loss_for(recipe, pairs, self.sampler.steps, accelerator.device),
            ignore_index=pairs.label_set.ignore_index,
            clip_norm=recipe.train.clip_norm,
            seed=recipe.train.seed,
            channels_last=recipe.train.channels_last,
            interruption=self.interruption,
        )
        self.loop.told = reporter.told
        engine = TorchEngine(self.trainee.to_keep, device=accelerator.device)  # type: ignore[arg-type]
        self.predict = Predictor(engine, card).predict_pixels
        self.saved_at, self.saved_step = time.monotonic(), self.trainee.step

    def open_journal(self, origin: Origin, onlookers: Onlookers, settings: Settings) -> Journal:
        """Begin what is kept for people; of the first process."""
        processes = self.accelerator.num_processes
        return Journal(
            self.out,
            self.pairs.label_set,
            origin,
            seen=-(-len(self.eval_pairs.pairs) // processes),
            alone=processes == 1,
            trackers=open_trackers(
                onlookers.trackers,
                self.out,
                step=self.trainee.step,
                settings=settings,
                told=self.reporter.told,
            ),
        )

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
        try:
            with self.watch.named(self.pairs.pairs):
                for progress in islice(self.loop.steps(self.batches), left):
                    self._look_at(progress)
        except ResourceError:
            # A signal to the whole group also ends a process that has just begun to read.
            if not self.interruption.asked:
                raise
            self._leave()

    def _look_at(self, progress: Progress) -> None:
        """Tell of a step, and do what is due after it."""
        self.reporter.stepped(progress)
        if self.journal:
            self.journal.stepped(progress)
        if progress.skipped:
            self._note_skipped(progress)
        if self.loop.stop:
            self._leave()
        if len(self.sampler) - self.trainee.epoch_steps and self._save_is_due():
            self._save()

    def _finish_epoch(self) -> Evaluation | None:
        """Measure, keep and log, and save that all this is done."""
        trainee, number = self.trainee, self.trainee.epoch + 1
        due = self._is_last or number % self.recipe.train.evaluate_every == 0
        evaluation = self._measure() if due else None
        card = self._keep(evaluation, number) if evaluation else None
        with self.interruption.busy:  # the log and the position are saved together
            self.log.add(trainee, evaluation)
            trainee.finish_epoch()
        if self.journal:
            self.log.write(self.out)
        if self.journal and card:
            self.journal.describe(card, best=self.log.best)
        self._save()
        return evaluation

    @property
    def _is_last(self) -> bool:
        """Whether no step is left."""
        return self.trainee.step >= self.total_steps

    def _measure(self) -> Evaluation:
        network = self.trainee.to_keep.eval()
        share_buffers(network, self.accelerator)
        watchers = self.journal.watchers() if self.journal else []
        if self._is_last and self.at_the_end and self.accelerator.num_processes == 1:
            watchers += self.at_the_end(self.eval_pairs.label_set)
        matrix, images = measure_together(
            self.predict,
            self.eval_pairs,
            self.accelerator,
            kind=self.card.preprocessing.kind,
            watch=self._until_interrupted,
            watchers=watchers,
        )
        return evaluation_of(matrix, self.eval_pairs.label_set.names, images)

    def _until_interrupted(self, samples: Iterable[Sample]) -> Iterator[Sample]:
        for sample in samples:
            yield sample
            # One of several processes cannot leave the others waiting for its counts.
            if self.interruption.asked and self.accelerator.num_processes == 1:
                self._leave()

    def _keep(self, evaluation: Evaluation, epoch: int) -> ModelCard:
        """Tell of a measurement, and write the network as the last, and as the best if it is."""
        self.reporter.evaluated(epoch, evaluation)
        result = result_of(evaluation, split=self.recipe.data.eval_split, epoch=epoch)
        card = self.card.model_copy(update={"result": result})
        if self.journal:
            better = evaluation.mean_iou > self.log.best[1]
            for name in ("last", "best") if better else ("last",):
                path = self.out / f"{name}.safetensors"
                save_model(path, self.trainee.to_keep, card, overwrite=True)
            self.journal.measured(evaluation, epoch=epoch, step=self.trainee.step)
        return card

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
