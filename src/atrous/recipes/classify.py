"""Train a classifier of whole pictures: from a recipe to a run folder."""

import contextlib
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, gather_object, set_seed

from atrous.data import PairList
from atrous.engine.checkpoint import Checkpoint, Settings, save_checkpoint
from atrous.engine.evaluate_classes import ClassEvaluation, evaluate_classes
from atrous.engine.interruption import Interruption
from atrous.engine.ranks import share_buffers
from atrous.engine.train import Loop, Progress
from atrous.engine.trainee import restore
from atrous.errors import Interrupted, TrainingError
from atrous.recipes.assemble import Parts, build_accelerator
from atrous.recipes.classify_assemble import (
    TopLog,
    assemble_classifier,
    class_card_for,
    class_loss_for,
    open_class_splits,
)
from atrous.recipes.classify_recipe import ClassifyRecipe
from atrous.recipes.reporter import Reporter, Silent
from atrous.recipes.run_folder import (
    CHECKPOINTS,
    SKIPPED,
    describe_run,
    find_checkpoint,
    note_skipped,
)
from atrous.recipes.run_lock import take_folder
from atrous.runtime.card import ModelCard
from atrous.weights.model_file import save_model

_Item = TypeVar("_Item")


def run_classification(
    recipe: ClassifyRecipe,
    data: Path,
    *,
    out: Path,
    name: str,
    reporter: Reporter,
    resume: bool = False,
    allow_changes: bool = False,
) -> ClassEvaluation:
    """Train the classifier that a recipe describes, into a run folder.

    The folder gets what `atrous.recipes.run.run_training` leaves; ``best.safetensors`` is the best
    by top-1 accuracy on the evaluation split.

    Args:
        recipe: What to train and how.
        data: Folder with ``train/CLASS`` and ``val/CLASS``.
        out: The run folder; must not exist unless ``resume``.
        name: What the model is called in its card.
        reporter: Told of each step and evaluation.
        resume: Go on from the newest checkpoint in ``out``.
        allow_changes: Resume under settings that weights depend on and that have changed.

    Returns:
        The last evaluation.

    Raises:
        ConfigError: If recipe and dataset do not fit each other.
        DatasetError: If the dataset cannot be used.
        WeightsError: If a checkpoint does not fit.
        ResourceError: If ``out`` is there already, or cannot be written, or memory is short.
        TrainingError: If losses or gradients were not finite too often.
        Interrupted: If a signal asked to stop; the state is saved.
    """
    pairs, eval_pairs = open_class_splits(recipe, data)
    accelerator = build_accelerator(recipe.train)
    out = Path(*broadcast_object_list([str(out)]))
    reporter = reporter if accelerator.is_main_process else Silent()
    settings = recipe.model_dump(mode="json")
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
        parts = assemble_classifier(recipe, pairs, accelerator, reporter)
        trainee, log = parts.trainee, TopLog()
        if checkpoint:
            restore(trainee, checkpoint.state, changed=bool(changed))
            log.text = str(checkpoint.state["log"])
            if accelerator.scaler and checkpoint.state["scaler"]:
                accelerator.scaler.load_state_dict(checkpoint.state["scaler"])
        if accelerator.is_main_process:
            describe_run(out, recipe, settings)
            log.write(out)
        trainee.model, trainee.optimizer = accelerator.prepare(trainee.model, trainee.optimizer)
        if trainee.average:
            trainee.average.to(accelerator.device)
        if changed:
            reporter.told(f"resuming under other settings: {'; '.join(changed.values())}")
        card = class_card_for(recipe, name, pairs)
        run = _Run(recipe, out, conditions, accelerator, parts, log, (pairs, eval_pairs), card)
        return run.train(reporter)


class _Run:
    """A run under way: steps, and between them measurements and checkpoints."""

    def __init__(
        self,
        recipe: ClassifyRecipe,
        out: Path,
        conditions: Settings,
        accelerator: Accelerator,
        parts: Parts,
        log: TopLog,
        splits: tuple[PairList, PairList],
        card: ModelCard,
    ) -> None:
        self.recipe, self.out, self.conditions = recipe, out, conditions
        self.accelerator, self.log, self.card = accelerator, log, card
        self.trainee, self.batches, self.sampler, self.watch = parts
        self.pairs, self.eval_pairs = splits
        self.total_steps = recipe.train.total_steps(self.sampler.steps)
        self.reporter: Reporter = Silent()
        self.interruption = Interruption(self._save_and_tell)
        self.loop = Loop(
            self.trainee,
            accelerator,
            loss=class_loss_for(recipe, self.pairs, self.sampler.steps, accelerator.device),
            ignore_index=self.pairs.label_set.ignore_index,
            clip_norm=recipe.train.clip_norm,
            seed=recipe.train.seed,
            channels_last=recipe.train.channels_last,
            interruption=self.interruption,
        )
        self.saved_at, self.saved_step = time.monotonic(), self.trainee.step

    def train(self, reporter: Reporter) -> ClassEvaluation:
        """Train to the end, and give the last evaluation."""
        trainee, found = self.trainee, None
        self.reporter, self.loop.told = reporter, reporter.told
        reporter.started(steps=self.total_steps, steps_done=trainee.step, run=self.out)
        with self.interruption:
            while trainee.step < self.total_steps or trainee.epoch_steps:
                self._train_epoch()
                found = self._finish_epoch()
            return found or self._measure()

    def _train_epoch(self) -> None:
        trainee = self.trainee
        self.sampler.set_position(trainee.epoch, trainee.epoch_steps)
        with self.watch.named(self.pairs.pairs):
            for progress in islice(self.loop.steps(self.batches), self.total_steps - trainee.step):
                self.reporter.stepped(progress)
                if progress.skipped:
                    self._note_skipped(progress)
                if self.loop.stop:
                    self._leave()
                if len(self.sampler) - trainee.epoch_steps and self._save_is_due():
                    self._save()

    def _finish_epoch(self) -> ClassEvaluation | None:
        """Measure, keep and log, and save that all this is done."""
        trainee, number = self.trainee, self.trainee.epoch + 1
        due = trainee.step >= self.total_steps or number % self.recipe.train.evaluate_every == 0
        found = self._measure() if due else None
        if found:
            self.reporter.evaluated(number, found)
            if self.accelerator.is_main_process:
                self._keep(found, number)
        with self.interruption.busy:  # the log and the position are saved together
            self.log.add(trainee, found)
            trainee.finish_epoch()
        if self.accelerator.is_main_process:
            self.log.write(self.out)
        self._save()
        return found

    def _measure(self) -> ClassEvaluation:
        network = self.trainee.to_keep.eval()
        share_buffers(network, self.accelerator)
        return evaluate_classes(
            network,
            self.eval_pairs,
            self.card.preprocessing,
            self.accelerator,
            watch=self._until_interrupted,
        )

    def _until_interrupted(self, pictures: Iterable[_Item]) -> Iterator[_Item]:
        for picture in pictures:
            yield picture
            # One of several processes cannot leave the others waiting for its counts.
            if self.interruption.asked and self.accelerator.num_processes == 1:
                self._leave()

    def _keep(self, found: ClassEvaluation, epoch: int) -> None:
        """Write the network as the last, and as the best if none before was as good."""
        result = {
            **asdict(found),
            "split": self.recipe.data.eval_split,
            "epoch": epoch,
            "convention": "the middle of each picture, one look",
        }
        card = self.card.model_copy(update={"result": result})
        for name in ("last", "best") if found.top1 > self.log.best else ("last",):
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
        what = f"step {progress.step}: loss or gradient is not finite on {files[0]} and others"
        if self.accelerator.is_main_process:
            note_skipped(self.out, progress.step, files)
        if self.trainee.bad_steps <= self.recipe.train.max_bad_steps:
            self.reporter.told(f"{what}; skipped")
            return
        self._save()
        raise TrainingError(
            f"{what}; {self.trainee.bad_steps} steps were skipped for that, and the state before "
            f"this one is saved. All files are in {self.out / SKIPPED}; train with a smaller "
            "learning_rate or a clip_norm"
        )
