"""Which pictures an epoch shows, how often, and in which order."""

import difflib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.random import Generator, Philox
from numpy.typing import NDArray

from atrous.data.sample import Pair, PairList, read_labels
from atrous.errors import ConfigError
from atrous.labels import LabelSet

Times = NDArray[np.float64]
"""(N,): how often each picture is shown in an epoch, on average."""
Presence = NDArray[np.bool_]
"""(N, C): which classes each picture shows."""


def generator_for(seed: int, epoch: int, index: int) -> Generator:
    """A generator of its own for each sample of each epoch, whichever worker draws it."""
    return Generator(Philox(key=seed, counter=[0, 0, epoch, index]))


def epoch_order(
    seed: int, epoch: int, length: int, times: Times | None = None
) -> NDArray[np.int64]:
    """The order in which an epoch shows the pictures, some of them more than once.

    Picture ``i`` is shown ``times[i]`` times. Of a fraction the whole part is kept, and one more
    is drawn as often as the rest says: 1.3 is twice in three of ten epochs.

    Args:
        seed: What the order depends on.
        epoch: What it depends on, beside the seed.
        length: Number of pictures.
        times: How often each is shown; None for once.

    Returns:
        Indices. The k-th copy of picture ``i`` has index ``i + k * length``, so that each copy has
        random numbers of its own from `generator_for`; the picture is the index modulo ``length``.
    """
    if times is None:
        return generator_for(seed, epoch, length).permutation(length)
    most = int(np.ceil(times.max()))
    random = generator_for(seed, epoch, length * most)
    # Systematic sampling: the sum, and with it the epoch's length, is the same in every epoch.
    ends = np.cumsum(times)
    ends[-1] = epoch_length(length, times)
    copies = np.diff(np.floor(ends + random.random()), prepend=0).astype(np.int64)
    picture = np.repeat(np.arange(length), copies)
    copy = np.arange(picture.size) - np.repeat(np.cumsum(copies) - copies, copies)
    return random.permutation(picture + copy * length)


def epoch_length(length: int, times: Times | None = None) -> int:
    """How many samples an epoch has."""
    return length if times is None else max(1, round(float(times.sum())))


def class_presence(pairs: PairList) -> Presence:
    """Find the classes of every picture by reading all labels once.

    Raises:
        DatasetError: If labels make no sense.
        InputError: If a file cannot be read.
    """
    # Threads, since decoding, which takes the time, lets others run.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rows = list(pool.map(partial(_classes_of, label_set=pairs.label_set), pairs.pairs))
    return np.stack(rows)


def _classes_of(pair: Pair, label_set: LabelSet) -> Presence:
    labels = read_labels(pair, label_set)
    there = np.bincount(labels.ravel(), minlength=label_set.num_classes) > 0
    return there[: label_set.num_classes]


def times_by_rarity(presence: Presence, threshold: float) -> Times:
    """Show pictures more often, the rarer their rarest class is.

    The repeat factor of LVIS (Gupta, Dollar and Girshick, CVPR 2019, section 5): a class that a
    share f of the pictures shows has the factor max(1, sqrt(threshold / f)), and a picture the
    largest factor among its classes.

    Args:
        presence: Classes of each picture, (N, C).
        threshold: Classes in a smaller share of the pictures than this, between 0 and 1, are shown
            more often; 0 shows every picture once.
    """
    share = presence.mean(axis=0)
    factor = np.sqrt(threshold / np.maximum(share, 1 / len(presence)))
    return np.asarray(np.where(presence, np.maximum(factor, 1.0), 1.0).max(axis=1))


def class_indices(names: Sequence[str], label_set: LabelSet, *, where: str) -> tuple[int, ...]:
    """Indices of classes that are named.

    Args:
        names: Of classes.
        label_set: All classes.
        where: The setting that names them, for the message.

    Raises:
        ConfigError: If there is no such class; with the nearest name, or all.
    """
    known = label_set.names
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"classes: {', '.join(known)}"
            raise ConfigError(f"{where}: the dataset has no class {name!r}; {hint}")
    return tuple(known.index(name) for name in names)
