"""Parts of one sample laid onto another: copy-paste and CutMix."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from atrous.bands import RGB8, PixelKind
from atrous.data.sample import PairList, Sample, read_pair

Partner: TypeAlias = Callable[[Generator], Sample]
"""Draws another sample, of the same size as the first, from the generator that is given."""


@dataclass(frozen=True)
class RandomPicture:
    """A `Partner` from some pictures of a split.

    What it gives depends on the generator alone, so that a mixed sample is the same whichever
    process makes it.
    """

    pairs: PairList
    among: Sequence[int]
    """Indices of the pictures that are drawn from, at least one."""
    change: Callable[[Sample, Generator], Sample]
    """Scales and crops a partner as the sample itself was."""
    kind: PixelKind = RGB8
    """Channels and bits of the pictures."""

    def __call__(self, random: Generator) -> Sample:
        """Draw a picture, read it, and change it.

        Raises:
            DatasetError: If its labels make no sense.
            InputError: If a file cannot be read.
        """
        pair = self.pairs.pairs[self.among[int(random.integers(len(self.among)))]]
        return self.change(read_pair(pair, self.pairs.label_set, self.kind), random)


def copy_paste(
    sample: Sample,
    other: Sample,
    random: Generator,
    *,
    classes: Sequence[int],
    soft_edge: float = 0.0,
) -> Sample:
    """Lay objects of another sample onto one, where they are (Ghiasi et al., CVPR 2021).

    An object is a connected region of the chosen classes, whichever of them: a rider stays on the
    bicycle. Each is taken or not, as likely the one as the other.

    Args:
        sample: What is laid upon.
        other: Where objects come from, of the same size.
        random: Which of them are taken.
        classes: Indices of the classes of objects.
        soft_edge: Sigma in pixels of the blur by which colours pass over into each other along the
            edges of objects; labels have hard edges always.
    """
    chosen = np.isin(other.labels, classes).astype(np.uint8)
    count, regions = cv2.connectedComponents(chosen, connectivity=8)
    taken = random.random(count) < 0.5
    taken[0] = False  # what is no object
    return _lay(sample, other, taken[regions], soft_edge)


def cut_mix(sample: Sample, other: Sample, random: Generator) -> Sample:
    """Lay a rectangle of another sample onto one, where it is (Yun et al., ICCV 2019).

    The share of the rectangle is drawn evenly from 0 to 1, its middle evenly from the picture; it
    has the picture's proportions, and is cut off at the borders. Labels go with their pixels, so
    that no label is mixed.
    """
    side = float(np.sqrt(random.random()))
    size = sample.labels.shape
    middles = random.random(2) * size
    first, last = (
        np.clip(np.rint(middles + sign * side / 2 * np.array(size)), 0, size).astype(int)
        for sign in (-1, 1)
    )
    mask = np.zeros(size, np.bool_)
    mask[first[0] : last[0], first[1] : last[1]] = True
    return _lay(sample, other, mask, 0.0)


def _lay(sample: Sample, other: Sample, mask: NDArray[np.bool_], soft_edge: float) -> Sample:
    """Where the mask is, the other sample."""
    if not mask.any():
        return sample
    labels = np.where(mask, other.labels, sample.labels)
    if not soft_edge:
        return Sample(sample.name, np.where(mask[..., None], other.image, sample.image), labels)
    share = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), soft_edge)[..., None]
    mixed = sample.image + share * (other.image.astype(np.float32) - sample.image)
    return Sample(sample.name, np.rint(mixed).astype(sample.image.dtype), labels)
