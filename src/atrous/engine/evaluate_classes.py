"""From a classifier and pictures to its accuracy."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar, TypeAlias

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import nn

from atrous.data.sample import Pair, PairList
from atrous.metrics.top import TopAccuracy
from atrous.runtime.card import Preprocessing
from atrous.runtime.classification import MIDDLE, prepare_crop

_AT_ONCE = 32
_READERS = 4

Prepared: TypeAlias = tuple[NDArray[np.float32], int]
"""(1, C, side, side) and the class index."""


@dataclass(frozen=True)
class ClassEvaluation:
    """Accuracy over one split, one look at each picture."""

    top1: float
    """Share of pictures whose class is the most probable one."""
    top5: float
    """Share of pictures whose class is among the five most probable ones."""
    images: int

    SCORE: ClassVar[str] = "top-1"
    """What `score` is called."""

    @property
    def score(self) -> float:
        """What the best model is chosen by."""
        return self.top1

    @property
    def in_words(self) -> str:
        """The scores in one line."""
        return f"top-1 {self.top1:.2%}, top-5 {self.top5:.2%}"


def evaluate_classes(
    network: nn.Module,
    pairs: PairList,
    preprocessing: Preprocessing,
    accelerator: Accelerator,
    *,
    watch: Callable[[Iterable[Prepared]], Iterable[Prepared]] = lambda pictures: pictures,
) -> ClassEvaluation:
    """Measure a split on the middle of each picture, each process every n-th one.

    Args:
        network: In evaluation mode, from pictures to logits.
        pairs: The split; every pixel of a picture has the class of the whole.
        preprocessing: What the network reads; its ``center_crop`` is the side of the square.
        accelerator: Knows the processes and the device.
        watch: Passes pictures on.

    Raises:
        InputError: If a picture cannot be read.
    """
    share = pairs.pairs[accelerator.process_index :: accelerator.num_processes]
    top = TopAccuracy()
    pictures = iter(watch(_prepared(share, preprocessing)))
    while batch := list(islice(pictures, _AT_ONCE)):
        images = torch.from_numpy(np.concatenate([image for image, _ in batch]))
        with torch.inference_mode():
            logits = network(images.to(accelerator.device)).float().cpu().numpy()
        top.update(logits, np.array([label for _, label in batch]))
    if accelerator.num_processes > 1:
        counts = torch.from_numpy(top.counts).to(accelerator.device)
        top.counts = accelerator.reduce(counts, "sum").cpu().numpy()
    return ClassEvaluation(top.top1, top.top5, top.pictures)


def look_of(preprocessing: Preprocessing) -> str:
    """How a picture is seen, in words."""
    side = preprocessing.center_crop
    if side is None:
        return "whole pictures, one look"
    return (
        f"the middle of each picture, {MIDDLE:.1%} of its shorter side as {side}x{side}, one look"
    )


def _prepared(pairs: Sequence[Pair], preprocessing: Preprocessing) -> Iterator[Prepared]:
    """Read pictures ahead, in order; decoding lets other threads run."""

    def read(pair: Pair) -> Prepared:
        pixels = pair.image.read(preprocessing.kind)
        return prepare_crop(pixels, preprocessing), int(pair.labels.read((1, 1))[0, 0])

    with ThreadPoolExecutor(_READERS) as pool:
        for first in range(0, len(pairs), _AT_ONCE):
            yield from pool.map(read, pairs[first : first + _AT_ONCE])
