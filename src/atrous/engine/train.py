"""The training loop."""

import contextlib
import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor
from torch.utils.data import DataLoader

from atrous.data.loader import Batch, plain_errors
from atrous.engine.interruption import Interruption
from atrous.engine.loss import LossAtStep
from atrous.engine.sync_norms import waiting_for_nobody
from atrous.engine.trainee import Buffers, Trainee, joined, restore, state_of
from atrous.errors import ConfigError, ResourceError
from atrous.models.memory import is_out_of_memory


@dataclass(frozen=True)
class Progress:
    """What one step came to."""

    epoch: int
    """Counted from 0."""
    step: int
    """Optimizer steps so far, this one included."""
    loss: float
    """Over the pictures of all processes."""
    learning_rate: float
    """Of ASPP, decoder and classifier."""
    images: int
    """Pictures in the step, of all processes."""
    gradient_norm: float
    """Over all weights, before it is shortened."""
    skipped: tuple[int, ...] = ()
    """If loss or gradients were not finite and the step was not taken: the places of this process's
    pictures in the list of pairs."""


class Loop:
    """Steps that cannot break a trainee: each is taken whole or not at all.

    Gradients of the parts of a step are summed with `accelerator.no_sync` rather than
    `accelerator.accumulate`, which divides by a fixed number of equal parts: here each part counts
    by its labelled pixels, so that any split of a step gives the gradients of the whole.

    Args:
        trainee: As `accelerator.prepare` left it.
        accelerator: Owns devices, precision and processes.
        loss: See `atrous.engine.loss.build_loss`. A mean over labelled pixels makes parts add up
            exactly.
        ignore_index: Label of pixels that carry no loss.
        clip_norm: Longest gradient that is not shortened; None for no limit.
        seed: What dropout depends on, beside the step and the process.
        channels_last: Whether images go through the network with their channels last.
        interruption: Held off while the trainee changes.
    """

    def __init__(
        self,
        trainee: Trainee,
        accelerator: Accelerator,
        *,
        loss: LossAtStep,
        ignore_index: int,
        clip_norm: float | None = None,
        seed: int = 0,
        channels_last: bool = True,
        interruption: Interruption,
    ) -> None:
        self.trainee = trainee
        self.accelerator = accelerator
        self.buffers = Buffers(trainee.network)
        self.told: Callable[[str], None] = lambda _sentence: None
        """Called with what the user should know."""
        self.stop = False
        """Whether any process was asked to stop, known to all of them after each step."""
        self._loss = loss
        self._ignore_index = ignore_index
        self._clip_norm = math.inf if clip_norm is None else clip_norm
        self._seed = seed
        self._layout = torch.channels_last if channels_last else torch.contiguous_format
        self._interruption = interruption
        self._fits = False

    def steps(self, batches: DataLoader[Batch]) -> Iterator[Progress]:
        """Take a step for each batch, and say what it came to.

        Raises:
            ResourceError: If there is no memory for a step.
            ConfigError: If the network cannot train on batches of this size.
        """
        self.trainee.model.train()
        for batch in plain_errors(batches):
            try:
                yield self._step(batch) if self._fits else self._first_step(batch)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                raise ResourceError(
                    f"no memory left at step {self.trainee.step + 1}; resume with a smaller "
                    f"train.device_batch and --allow-changes ({_first_line(error)})"
                ) from None

    def _first_step(self, batch: Batch) -> Progress:
        """Step with as many samples at once as there is memory for."""
        try:
            if self.accelerator.num_processes == 1:
                progress = self._step_or_halve(batch)
            else:
                if self.trainee.whole is None:  # no process can run split weights by itself
                    self._agree(batch)
                progress = self._step(batch)
        except ValueError as error:
            if "Expected more than 1 value per channel" not in str(error):
                raise
            raise ConfigError(
                "a norm of this network sees a single value in each channel, which has no "
                "variance; train with a larger batch_size, device_batch or crop_size"
            ) from None
        self._fits = True
        return progress

    def _step_or_halve(self, batch: Batch) -> Progress:
        file = io.BytesIO()
        torch.save(state_of(self.trainee), file)
        while True:
            try:
                return self._step(batch)
            except (RuntimeError, MemoryError) as error:
                _explain_compiler(error)
                if not is_out_of_memory(error):
                    raise
                self._halve(len(batch.images), _first_line(error))
            # Outside of the except clause, which holds on to everything that the step had made.
            self._start_again(file.getvalue())

    def _agree(self, batch: Batch) -> None:
        """Halve what goes through the network at once until every process has memory for it.

        In a step one process would wait for the gradients of another that has run out. So each
        tries a pass by itself first, and then all tell each other how it went.
        """
        while True:
            failure = self._try(batch)
            failed = torch.tensor(float(failure is not None), device=self.accelerator.device)
            if not float(self.accelerator.reduce(failed, "sum")):
                return
            self._halve(len(batch.images), failure or "in another process")

    def _try(self, batch: Batch) -> str | None:
        """Go forward and back on the largest part of a step, without any other process.

        Returns:
            What was said if there was no memory for it. Nothing else is left of the pass.
        """
        part = split(batch, self.trainee.device_batch)[0]
        network = self.accelerator.unwrap_model(self.trainee.model)
        device, failure = self.accelerator.device, None
        try:
            with waiting_for_nobody(network):
                logits = network(part.images.to(device).contiguous(memory_format=self._layout))
                self._loss(logits, part.labels.to(device), self.trainee.step).backward()
        except (RuntimeError, MemoryError) as error:
            _explain_compiler(error)
            if not is_out_of_memory(error):
                raise
            failure = _first_line(error)
        self.trainee.optimizer.zero_grad()
        self.buffers.put_back()
        _empty_cache()
        return failure

    def _halve(self, samples: int, what: str) -> None:
        before = min(self.trainee.device_batch or samples, samples)
        if before == 1:
            raise ResourceError(
                "there is not enough memory to train on a single sample; choose a smaller "
                f"data.crop_size or model ({what})"
            )
        smaller = -(-before // 2)
        self.told(
            f"not enough memory for {before} samples at once; going on with {smaller} at once, "
            f"which still makes {samples} in each step"
        )
        self.trainee.device_batch = smaller

    def _start_again(self, start: bytes) -> None:
        smaller = self.trainee.device_batch
        state = torch.load(io.BytesIO(start), weights_only=True, map_location="cpu")
        with self._interruption.busy:
            self.trainee.optimizer.zero_grad()
            restore(self.trainee, state)
            self.trainee.device_batch = smaller
            self.buffers.keep()
        _empty_cache()

    def _step(self, batch: Batch) -> Progress:
        trainee, accelerator = self.trainee, self.accelerator
        torch.manual_seed(seed_of_step(self._seed, trainee.step, accelerator.process_index))
        learning_rate = float(trainee.optimizer.param_groups[0]["lr"])
        loss = self._forward_and_backward(batch)
        norm = accelerator.clip_grad_norm_(trainee.model.parameters(), self._clip_norm)
        loss_value, norm_value = self._read(loss, joined(norm))
        bad = self._commit(loss_value, norm_value)
        return Progress(
            epoch=trainee.epoch,
            step=trainee.step,
            loss=loss_value,
            learning_rate=learning_rate,
            images=len(batch.images) * accelerator.num_processes,
            gradient_norm=norm_value,
            skipped=tuple(batch.indices.tolist()) if bad else (),
        )

    def _forward_and_backward(self, batch: Batch) -> Tensor:
        """Sum the gradients of a step, and give this process's part of the loss."""
        model, accelerator = self.trainee.model, self.accelerator
        parts = split(batch, self.trainee.device_batch)
        shares = self._shares_of_labels(parts)
        total = torch.zeros((), device=accelerator.device)
        for number, (part, share) in enumerate(zip(parts, shares, strict=True), start=1):
            images = part.images.to(accelerator.device, non_blocking=True)
            labels = part.labels.to(accelerator.device, non_blocking=True)
            last = number == len(parts)
            with contextlib.nullcontext() if last else accelerator.no_sync(model):
                with accelerator.autocast():
                    logits = model(images.contiguous(memory_format=self._layout))
                loss = self._loss(logits, labels, self.trainee.step) * share
                # Gradients are averaged over the processes, and are wanted summed.
                accelerator.backward(loss * accelerator.num_processes)
            total += loss.detach()
        return total

    def _shares_of_labels(self, parts: list[Batch]) -> list[float]:
        """What each part has of the labelled pixels of the step, over all processes."""
        counts = [int((part.labels != self._ignore_index).sum()) for part in parts]
        total = torch.tensor(float(sum(counts)), dtype=torch.float64)
        if self.accelerator.num_processes > 1:
            total = self.accelerator.reduce(total.to(self.accelerator.device), "sum")
        return [count / max(float(total), 1.0) for count in counts]

    def _read(self, loss: Tensor, norm: Tensor) -> tuple[float, float]:
        """Bring loss and gradient norm to the CPU: the one wait for the device in a step.

        A step that is not finite must not reach the weights, so it cannot be put off.
        """
        asked = torch.tensor(float(self._interruption.asked), device=loss.device)
        values = torch.stack([loss.float(), norm.to(loss.device).float(), asked])
        processes = self.accelerator.num_processes
        if processes > 1:
            values = self.accelerator.reduce(values, "sum")
        loss_value, norm_sum, asked_sum = values.tolist()
        self.stop = asked_sum > 0
        return loss_value, norm_sum / processes

    def _commit(self, loss: float, norm: float) -> bool:
        """Take the step, or put everything back; say whether it was bad."""
        trainee, scaler = self.trainee, self.accelerator.scaler
        # An overflow of scaled gradients is the scaler's way to find its factor.
        bad = not math.isfinite(loss) or (scaler is None and not math.isfinite(norm))
        with self._interruption.busy:
            if not bad or scaler is not None:
                trainee.optimizer.step()  # a scaler leaves out what is not finite
            if bad:
                self.buffers.put_back()
                trainee.bad_steps += 1
            else:
                trainee.loss_sum += loss
                trainee.losses += 1
                self._follow_up()
            trainee.optimizer.zero_grad()
            trainee.step += 1
            trainee.epoch_steps += 1
            self.buffers.keep()
        return bad

    def _follow_up(self) -> None:
        trainee = self.trainee
        if self.accelerator.optimizer_step_was_skipped:
            return
        trainee.schedule.step()
        if trainee.average:
            trainee.average.update_parameters(trainee.gather())

    def state_before_step(self) -> dict[str, Any]:
        """Everything that the step under way, or the next one, depends on."""
        state = state_of(self.trainee, scaler=self.accelerator.scaler)
        return {**state, "model": {**state["model"], **self.buffers.kept()}}


def split(batch: Batch, at_most: int | None) -> list[Batch]:
    """Cut a batch into parts of at most so many samples, whose sizes differ by at most one."""
    samples = len(batch.images)
    parts = -(-samples // min(at_most or samples, samples))
    pieces = (torch.tensor_split(tensor, parts) for tensor in batch)
    return [Batch(*piece) for piece in zip(*pieces, strict=True)]


def seed_of_step(seed: int, step: int, process: int) -> int:
    """A seed of its own for each step of each process."""
    return int(np.random.SeedSequence((seed, step, process)).generate_state(1, np.uint64)[0])


def _empty_cache() -> None:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _explain_compiler(error: BaseException) -> None:
    if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
        raise ConfigError(
            "torch cannot compile the network on this machine; leave train.compile false "
            f"({type(error).__name__}: {_first_line(error)})"
        ) from None


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
