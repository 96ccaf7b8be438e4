"""Batches whose contents depend on the seed, the epoch and the place in it, and on nothing else."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from atrous.bands import Bits, PixelKind
from atrous.data.sample import PairList, Sample, read_pair
from atrous.data.sampling import Times, epoch_length, epoch_order, generator_for
from atrous.data.watch import HANG_SECONDS, Watch
from atrous.errors import AtrousError, DatasetError
from atrous.imaging import Pixels

Key: TypeAlias = tuple[int, int]
"""Epoch, and index of a pair."""


class Batch(NamedTuple):
    """Samples side by side; as it comes out of `Samples`, one sample without the B."""

    images: Tensor
    """(B, C, H, W), normalized."""
    labels: Tensor
    """(B, H, W) int64 class indices, or the ignore_index."""
    indices: Tensor
    """(B,) int64, places in the list of pairs."""


@dataclass(frozen=True)
class Normalization:
    """How pixels become what the network reads: (pixel - mean) / std, for each channel."""

    mean: tuple[float, ...] = (127.5, 127.5, 127.5)
    std: tuple[float, ...] = (127.5, 127.5, 127.5)
    bits: Bits = 8

    @property
    def kind(self) -> PixelKind:
        """Channels and bits of the pixels."""
        return PixelKind(len(self.mean), self.bits)

    def apply(self, image: Pixels) -> Tensor:
        """(H, W, C) -> (C, H, W) float32."""
        height, width, channels = image.shape
        # Plane by plane is several times faster than a whole picture that is transposed after.
        planes = np.empty((channels, height, width), np.float32)
        for channel, (mean, std) in enumerate(zip(self.mean, self.std, strict=True)):
            np.subtract(image[..., channel], np.float32(mean), out=planes[channel])
            planes[channel] /= np.float32(std)
        return torch.from_numpy(planes)

    @property
    def fill(self) -> tuple[int, ...]:
        """The pixel that becomes about zero: the mean one."""
        return tuple(min(max(round(value), 0), self.kind.highest) for value in self.mean)


class Samples(Dataset[Batch]):
    """Pairs read, augmented and normalized when asked for.

    Args:
        pairs: The split.
        seed: First part of what augmentation depends on.
        normalization: Applied last.
        augment: Called with a sample and its generator; None for samples as stored.
    """

    def __init__(
        self,
        pairs: PairList,
        *,
        seed: int,
        normalization: Normalization,
        augment: Callable[[Sample, Generator], Sample] | None,
    ) -> None:
        self.pairs = pairs
        self.seed = seed
        self.normalization = normalization
        self.augment = augment
        self.watch = Watch(workers=0)

    def __len__(self) -> int:
        return len(self.pairs.pairs)

    def __getitem__(self, key: Key) -> Batch:
        epoch, index = key
        # An index past the last picture is a further copy of one, see `epoch_order`.
        place = index % len(self)
        with self.watch.reading(place):
            pair, kind = self.pairs.pairs[place], self.normalization.kind
            sample = read_pair(pair, self.pairs.label_set, kind)
            if self.augment:
                sample = self.augment(sample, generator_for(self.seed, epoch, index))
        labels = torch.from_numpy(sample.labels.astype(np.int64))
        return Batch(self.normalization.apply(sample.image), labels, torch.tensor(place))


class EpochSampler(Sampler[Key]):
    """The pictures of each epoch, in an order drawn from the seed and the epoch.

    Args:
        length: Number of pictures.
        seed: What the order depends on, beside the epoch.
        times: How often each picture is shown, see `epoch_order`; None for once.
    """

    def __init__(self, length: int, *, seed: int, times: Times | None = None) -> None:
        self.length = length
        self.seed = seed
        self.times = times
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration draws."""
        self.epoch = epoch

    def __len__(self) -> int:
        return epoch_length(self.length, self.times)

    def __iter__(self) -> Iterator[Key]:
        order = epoch_order(self.seed, self.epoch, self.length, self.times)
        return iter([(self.epoch, int(index)) for index in order])


class StepSampler(Sampler[list[Key]]):
    """The samples of each optimizer step, of which each process takes an equal share.

    A step takes the next ``batch_size`` samples of the epoch's order, whatever the number of
    processes. Samples at the end of an epoch that do not fill a step are left out.

    Args:
        length: Number of pictures.
        seed: What the order depends on, beside the epoch.
        batch_size: Samples in a step over all processes, a multiple of ``processes``.
        process: Which process this is, from 0.
        processes: How many share a step.
        times: How often each picture is shown, see `epoch_order`; None for once.
    """

    def __init__(
        self,
        length: int,
        *,
        seed: int,
        batch_size: int,
        process: int = 0,
        processes: int = 1,
        times: Times | None = None,
    ) -> None:
        self.order = EpochSampler(length, seed=seed, times=times)
        self.batch_size = batch_size
        self.share = batch_size // processes
        self.process = process
        self.first_step = 0

    @property
    def steps(self) -> int:
        """Steps in a whole epoch."""
        return len(self.order) // self.batch_size

    def set_position(self, epoch: int, first_step: int = 0) -> None:
        """Choose the epoch that the next iteration draws, and how many of its steps are over."""
        self.order.set_epoch(epoch)
        self.first_step = first_step

    def __len__(self) -> int:
        return max(self.steps - self.first_step, 0)

    def __iter__(self) -> Iterator[list[Key]]:
        keys = list(self.order)
        for step in range(self.first_step, self.steps):
            start = step * self.batch_size + self.process * self.share
            yield keys[start : start + self.share]


def shared_batch(batch_size: int, *, samples: int, processes: int = 1) -> int:
    """The samples that a step really has: no more than there are, as many for each process.

    Raises:
        DatasetError: If there are fewer samples than processes.
    """
    if samples < processes:
        raise DatasetError(
            f"{samples} pictures cannot be shared by {processes} processes; start fewer of them"
        )
    return max(min(batch_size, samples) // processes, 1) * processes


def training_batches(samples: Samples, sampler: StepSampler, *, workers: int) -> DataLoader[Batch]:
    """This process's share of each step, read by processes beside it.

    Args:
        samples: What is read.
        sampler: Which samples make a step.
        workers: Processes that read, at most one for each core: batches do not depend on how many.
    """
    workers = min(workers, _cores())
    samples.watch = Watch(workers)
    return DataLoader(
        samples,
        batch_sampler=sampler,
        num_workers=workers,
        timeout=HANG_SECONDS if workers else 0,
        worker_init_fn=leave_signals_to_parent,
        persistent_workers=False,
        pin_memory=torch.cuda.is_available(),
    )


def _cores() -> int:
    """Cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def leave_signals_to_parent(worker: int) -> None:  # noqa: ARG001, the loader gives its number
    """Let a worker outlive Ctrl-C and SIGTERM to the whole group: its parent ends it.

    A parent ends its workers by SIGTERM, so who has sent it must be looked at, which only Linux
    tells. Elsewhere workers end with the group, and the run with its last checkpoint.
    """
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        threading.Thread(target=_wait_for_parent_to_end_it, daemon=True).start()


def _wait_for_parent_to_end_it() -> None:
    while signal.sigwaitinfo([signal.SIGTERM]).si_pid != os.getppid():
        pass
    os._exit(0)


def plain_errors(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Pass batches on; of our errors in a worker keep the sentence and leave out the traceback."""
    try:
        yield from batches
    except AtrousError as error:
        kind = type(error)
        *_, sentence = str(error).rpartition(f"{kind.__module__}.{kind.__qualname__}: ")
        raise kind(sentence.rstrip("\n")) from None
