"""Batches whose contents depend on the seed, the epoch and the place in it, and on nothing else."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from atrous.data.sample import PairList, Sample, read_pair
from atrous.data.sampling import Times, epoch_length, epoch_order, generator_for
from atrous.data.watch import HANG_SECONDS, Watch
from atrous.errors import AtrousError
from atrous.imaging import Pixels

Key: TypeAlias = tuple[int, int]
"""Epoch, and index of a pair."""
Batch: TypeAlias = tuple[Tensor, Tensor]
"""Normalized images (B, 3, H, W) and labels (B, H, W)."""


@dataclass(frozen=True)
class Normalization:
    """How pixels from 0 to 255 become what the network reads: (pixel - mean) / std."""

    mean: tuple[float, float, float] = (127.5, 127.5, 127.5)
    std: tuple[float, float, float] = (127.5, 127.5, 127.5)

    def apply(self, image: Pixels) -> Tensor:
        """(H, W, 3) RGB -> (3, H, W) float32."""
        height, width, channels = image.shape
        # Plane by plane is several times faster than a whole picture that is transposed after.
        planes = np.empty((channels, height, width), np.float32)
        for channel, (mean, std) in enumerate(zip(self.mean, self.std, strict=True)):
            np.subtract(image[..., channel], np.float32(mean), out=planes[channel])
            planes[channel] /= np.float32(std)
        return torch.from_numpy(planes)

    @property
    def fill(self) -> tuple[int, int, int]:
        """The colour that becomes about zero: the mean pixel."""
        red, green, blue = (round(value) for value in self.mean)
        return red, green, blue


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
            sample = read_pair(self.pairs.pairs[place], self.pairs.label_set)
            if self.augment:
                sample = self.augment(sample, generator_for(self.seed, epoch, index))
        labels = torch.from_numpy(sample.labels.astype(np.int64))
        return self.normalization.apply(sample.image), labels


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


def training_batches(
    samples: Samples, *, batch_size: int, workers: int, seed: int, times: Times | None = None
) -> tuple[DataLoader[Batch], EpochSampler]:
    """Shuffled batches of one size; a smaller last batch of an epoch is left out.

    A dataset smaller than ``batch_size`` gives one batch of all of it.
    """
    samples.watch = Watch(workers)
    sampler = EpochSampler(len(samples), seed=seed, times=times)
    loader = DataLoader(
        samples,
        batch_size=min(batch_size, len(sampler)),
        sampler=sampler,
        num_workers=workers,
        timeout=HANG_SECONDS if workers else 0,
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
