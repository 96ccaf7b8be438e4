"""The steps of a run under way, with checkpoints between them and a way out at each."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, gather_object

from atrous.data import PairList
from atrous.engine.checkpoint import Checkpoint, Settings, save_checkpoint
from atrous.engine.config import TrainConfig
from atrous.engine.interruption import Interruption
from atrous.engine.loss import LossAtStep
from atrous.engine.sharding import shard
from atrous.engine.train import Loop, Progress
from atrous.engine.trainee import Trainee, restore
from atrous.errors import Interrupted, ResourceError, TrainingError
from atrous.recipes.assemble import Parts
from atrous.recipes.reporter import Reporter
from atrous.recipes.run_folder import CHECKPOINTS, SKIPPED, note_skipped

_NAMED_FILES = 5
_Item = TypeVar("_Item")


class Text(Protocol):
    """The log of a run, which is saved with each checkpoint."""

    text: str


def conditions_of(settings: Settings, pairs: PairList, accelerator: Accelerator) -> Settings:
    """All that weights depend on, and that a run is therefore resumed with."""
    return {
        **settings,
        "pictures": len(pairs.pairs),
        "processes": accelerator.num_processes,
        "torch": str(torch.__version__),
    }


def set_out(
    trainee: Trainee,
    log: Text,
    accelerator: Accelerator,
    checkpoint: Checkpoint | None,
    *,
    changed: bool,
    split: bool = False,
) -> None:
    """Bring what is trained to where a run begins or goes on, and onto its device.

    Args:
        trainee: As it was drawn or started.
        log: Gets the lines of the checkpoint.
        accelerator: Prepares model and optimizer, in place.
        checkpoint: Where the run goes on; None for a new one.
        changed: Whether settings differ from those of the checkpoint.
        split: Whether several processes split the weights among them.
    """
    if checkpoint:
        restore(trainee, checkpoint.state, changed=changed)
        log.text = str(checkpoint.state["log"])
    if split and accelerator.num_processes > 1:
        shard(trainee, accelerator.device, accelerator.num_processes)
        trainee.optimizer = accelerator.prepare_optimizer(trainee.optimizer, device_placement=False)
    else:
        trainee.model, trainee.optimizer = accelerator.prepare(trainee.model, trainee.optimizer)
    if trainee.average:
        trainee.average.to(accelerator.device)
    if checkpoint and accelerator.scaler and checkpoint.state["scaler"]:
        accelerator.scaler.load_state_dict(checkpoint.state["scaler"])


class Course:
    """What runs of every task do between measurements.

    Args:
        config: How the weights are moved.
        out: The run folder.
        conditions: What the run may not be resumed without.
        accelerator: Knows devices and processes.
        parts: What is moved.
        pairs: The training split.
        loss: What is made small.
        log: Saved with each checkpoint.
        reporter: Told of each step.
    """

    def __init__(  # noqa: PLR0913
        self,
        config: TrainConfig,
        *,
        out: Path,
        conditions: Settings,
        accelerator: Accelerator,
        parts: Parts,
        pairs: PairList,
        loss: LossAtStep,
        log: Text,
        reporter: Reporter,
    ) -> None:
        self.config, self.out, self.conditions = config, out, conditions
        self.accelerator, self.pairs, self.log, self.reporter = accelerator, pairs, log, reporter
        self.trainee, self.batches, self.sampler, self.watch = parts
        self.total_steps = config.total_steps(self.sampler.steps)
        self.interruption = Interruption(self._save_and_tell)
        self.loop = Loop(
            self.trainee,
            accelerator,
            loss=loss,
            ignore_index=pairs.label_set.ignore_index,
            clip_norm=config.clip_norm,
            seed=config.seed,
            channels_last=config.channels_last,
            interruption=self.interruption,
        )
        self.loop.told = reporter.told
        self._saved_at, self._saved_step = time.monotonic(), self.trainee.step

    @property
    def is_over(self) -> bool:
        """Whether no step is left."""
        return self.trainee.step >= self.total_steps

    def epochs(self, look_at: Callable[[Progress], None]) -> Iterator[int]:
        """Take the steps of each epoch that is left, and then give its number, from 1 on.

        It belongs into a block of ``interruption``, as do the measurements between the epochs.

        Args:
            look_at: Called after each step.
        """
        trainee = self.trainee
        self.reporter.started(steps=self.total_steps, steps_done=trainee.step, run=self.out)
        while not self.is_over or trainee.epoch_steps:
            self._train_epoch(look_at)
            yield trainee.epoch + 1

    def is_due(self, epoch: int) -> bool:
        """Whether the evaluation split is measured after an epoch."""
        return self.is_over or epoch % self.config.evaluate_every == 0

    def tell_differences(self, changed: Mapping[str, str]) -> None:
        """Say where the run is other than its recipe, or than the run that it goes on with.

        Args:
            changed: Sentences by setting, of a run that is resumed under others.
        """
        if changed:
            self.reporter.told(f"resuming under other settings: {'; '.join(changed.values())}")
        if self.sampler.batch_size != self.config.batch_size:
            self.reporter.told(
                f"{len(self.pairs.pairs)} pictures and {self.accelerator.num_processes} processes "
                f"make {self.sampler.batch_size} samples in a step, not {self.config.batch_size}"
            )

    def until_interrupted(self, samples: Iterable[_Item], count: int) -> Iterator[_Item]:
        """Pass on ``count`` samples that are measured, and leave between two if asked to."""
        for number, sample in enumerate(samples, start=1):
            self.reporter.measuring(number, count)
            yield sample
            # One of several processes cannot leave the others waiting for its counts.
            if self.interruption.asked and self.accelerator.num_processes == 1:
                self._leave()

    def save(self) -> None:
        """Save the state before the step that is being taken, if one is.

        Where weights are split, all processes call this together.
        """
        first = self.accelerator.is_main_process
        if first or self.trainee.whole is not None:
            with self.interruption.busy:
                state = {**self.loop.state_before_step(), "log": self.log.text}
                checkpoint = Checkpoint(self.trainee.step, state, self.conditions)
                if first:
                    save_checkpoint(self.out / CHECKPOINTS, checkpoint)
        self._saved_at, self._saved_step = time.monotonic(), self.trainee.step

    def _train_epoch(self, look_at: Callable[[Progress], None]) -> None:
        trainee = self.trainee
        self.sampler.set_position(trainee.epoch, trainee.epoch_steps)
        left = self.total_steps - trainee.step
        try:
            with self.watch.named(self.pairs.pairs):
                for progress in islice(self.loop.steps(self.batches), left):
                    self._take_down(progress, look_at)
        except ResourceError:
            # A signal to the whole group also ends a process that has just begun to read.
            if not self.interruption.asked:
                raise
            self._leave_alone()

    def _take_down(self, progress: Progress, look_at: Callable[[Progress], None]) -> None:
        self.reporter.stepped(progress)
        look_at(progress)
        if progress.skipped:
            self._note_skipped(progress)
        if self.loop.stop:
            self._leave()
        if len(self.sampler) - self.trainee.epoch_steps and self._save_is_due():
            self.save()

    def _save_is_due(self) -> bool:
        minutes, steps = self.config.checkpoint_minutes, self.config.checkpoint_steps
        late = minutes is not None and time.monotonic() - self._saved_at >= 60 * minutes
        due = late or (steps is not None and self.trainee.step - self._saved_step >= steps)
        # Clocks differ, and split weights are saved by all or by nobody.
        together = self.trainee.whole is not None
        return bool(broadcast_object_list([due])[0]) if together else due

    def _save_and_tell(self) -> None:
        if self.trainee.whole is None:
            self.save()
        self.reporter.told(self._farewell())

    def _leave_alone(self) -> None:
        """Leave without waiting for the other processes."""
        if self.trainee.whole is None:
            self.save()
        raise Interrupted(self._farewell())

    def _leave(self) -> None:
        self.save()
        raise Interrupted(self._farewell())

    def _farewell(self) -> str:
        saved = "which is saved"
        if self._saved_step < self.trainee.step and self.trainee.whole is not None:
            saved = f"split weights are saved as of step {self._saved_step}"
        return (
            f"interrupted after step {self.trainee.step} of {self.total_steps}, {saved}; "
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
        if self.trainee.bad_steps <= self.config.max_bad_steps:
            self.reporter.told(f"{what}; skipped")
            return
        self.save()
        raise TrainingError(
            f"{what}; {self.trainee.bad_steps} steps were skipped for that, and the state before "
            f"this one is saved. All files are in {self.out / SKIPPED}; look at them with atrous "
            "data check, or train with a smaller learning_rate or a clip_norm"
        )
