"""Batches whose contents depend on the seed, the epoch and the place in it, and on nothing else."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.random import Generator, Philox
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from atrous.bands import Bits, PixelKind
from atrous.data.sample import PairList, Sample, read_pair
from atrous.errors import AtrousError
from atrous.imaging import Pixels

Key: TypeAlias = tuple[int, int]
"""Epoch, and index of a pair."""
Batch: TypeAlias = tuple[Tensor, Tensor]
"""Normalized images (B, C, H, W) and labels (B, H, W)."""


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
        mean, std = np.asarray(self.mean, np.float32), np.asarray(self.std, np.float32)
        normed = (image.astype(np.float32) - mean) / std
        return torch.from_numpy(np.ascontiguousarray(normed.transpose(2, 0, 1)))

    @property
    def fill(self) -> tuple[int, ...]:
        """The pixel that becomes about zero: the mean one."""
        return tuple(min(max(round(value), 0), self.kind.highest) for value in self.mean)


def generator_for(seed: int, epoch: int, index: int) -> Generator:
    """A generator of its own for each sample of each epoch, whichever worker draws it."""
    return Generator(Philox(key=seed, counter=[0, 0, epoch, index]))


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

    def __len__(self) -> int:
        return len(self.pairs.pairs)

    def __getitem__(self, key: Key) -> Batch:
        epoch, index = key
        pair, kind = self.pairs.pairs[index], self.normalization.kind
        sample = read_pair(pair, self.pairs.label_set, kind)
        if self.augment:
            sample = self.augment(sample, generator_for(self.seed, epoch, index))
        labels = torch.from_numpy(sample.labels.astype(np.int64))
        return self.normalization.apply(sample.image), labels


class EpochSampler(Sampler[Key]):
    """Every index once in each epoch, in an order drawn from the seed and the epoch.

    Args:
        length: Number of samples.
        seed: What the order depends on, beside the epoch.
    """

    def __init__(self, length: int, *, seed: int) -> None:
        self.length = length
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration draws."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Key]:
        order = generator_for(self.seed, self.epoch, self.length).permutation(self.length)
        return iter([(self.epoch, int(index)) for index in order])


def training_batches(
    samples: Samples, *, batch_size: int, workers: int, seed: int
) -> tuple[DataLoader[Batch], EpochSampler]:
    """Shuffled batches of one size; a smaller last batch of an epoch is left out.

    A dataset smaller than ``batch_size`` gives one batch of all of it.
    """
    sampler = EpochSampler(len(samples), seed=seed)
    loader = DataLoader(
        samples,
        batch_size=min(batch_size, len(samples)),
        sampler=sampler,
        num_workers=workers,
        drop_last=True,
        persistent_workers=False,
        pin_memory=torch.cuda.is_available(),
    )
    return loader, sampler


def plain_errors(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Pass batches on; of our errors in a worker keep the sentence and leave out the traceback."""
    try:
        yield from batches
    except AtrousError as error:
        kind = type(error)
        *_, sentence = str(error).rpartition(f"{kind.__module__}.{kind.__qualname__}: ")
        raise kind(sentence.rstrip("\n")) from None
