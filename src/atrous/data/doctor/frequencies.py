"""How often each class is there, and what that suggests for training."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from atrous.data.doctor.facts import PairFacts
from atrous.data.doctor.pair_checks import looks_like_photo
from atrous.data.doctor.proposal import Proposal

_LARGEST_CROP = 769


@dataclass(frozen=True)
class ClassCount:
    """One class in the whole dataset."""

    index: int
    name: str
    pixels: dict[str, int]
    """By split."""
    pictures: dict[str, int]
    """How many show it, by split."""
    share: float
    """Of all pixels that have a class, between 0 and 1."""
    weight: float | None
    """Median frequency weight; None where training never sees the class."""


def count_classes(
    pairs: Sequence[PairFacts], proposal: Proposal, splits: Sequence[str]
) -> tuple[ClassCount, ...]:
    """Count pixels and pictures of each class, once mended by ``proposal``.

    The weight of class c for the loss is median(f) / f(c), where f(c) is the share of c among
    the labelled pixels of those training pictures that show c, and the median is over the classes
    (median frequency balancing, Eigen and Fergus, ICCV 2015).
    """
    counts = [
        (pair.entry.split, proposal.count(pair.labels))
        for pair in pairs
        if pair.labels and not looks_like_photo(pair.labels)
    ]
    label_set = proposal.label_set
    weights = median_frequency_weights(
        (count for split, count in counts if split == "train"), label_set.num_classes
    )
    labelled = sum(
        n for _, count in counts for index, n in count.items() if 0 <= index < len(weights)
    )
    rows = []
    for index, name in enumerate(label_set.names):
        pixels = {s: sum(c[index] for split, c in counts if split == s) for s in splits}
        pictures = {s: sum(c[index] > 0 for split, c in counts if split == s) for s in splits}
        share = sum(pixels.values()) / max(labelled, 1)
        rows.append(ClassCount(index, name, pixels, pictures, share, weights[index]))
    return tuple(rows)


def median_frequency_weights(
    counts: Iterable[Counter[int]], num_classes: int
) -> tuple[float | None, ...]:
    """The weight of each class, see `count_classes`; None for a class that is never there.

    Args:
        counts: Pixels of each class index in each picture; others than classes are left out.
        num_classes: Number of classes.
    """
    own, around = [0] * num_classes, [0] * num_classes
    for count in counts:
        there = {index: n for index, n in count.items() if 0 <= index < num_classes and n}
        labelled = sum(there.values())
        for index, pixels in there.items():
            own[index] += pixels
            around[index] += labelled
    shares = [a / b if b else None for a, b in zip(own, around, strict=True)]
    seen = [share for share in shares if share]
    middle = median(seen) if seen else 0.0
    return tuple(middle / share if share else None for share in shares)


@dataclass(frozen=True)
class Suggestion:
    """Settings of a recipe's ``[data]`` that fit the pictures' sizes."""

    crop_size: tuple[int, int]
    """Height and width."""
    scale: tuple[float, float]
    smallest: tuple[int, int]
    median: tuple[int, int]
    largest: tuple[int, int]


def suggest(pairs: Iterable[PairFacts]) -> Suggestion | None:
    """Crop and scale from the sizes of the pictures.

    The crop is the median height and width, rounded up to a multiple of 16 and one more (as
    DeepLab's 513 and 769) and at most 769. Scales are DeepLab's 0.5 to 2, around the factor that
    brings the median picture to at most twice the crop.

    Returns:
        None if no picture could be read.
    """
    sizes = [pair.image.size for pair in pairs if pair.image]
    if not sizes:
        return None
    heights, widths = ([size[side] for size in sizes] for side in (0, 1))
    middle = round(median(heights)), round(median(widths))
    height, width = (min(_LARGEST_CROP, -(-(side - 1) // 16) * 16 + 1) for side in middle)
    crop = max(height, 17), max(width, 17)
    factor = min(1.0, *(2 * part / side for part, side in zip(crop, middle, strict=True)))
    return Suggestion(
        crop_size=crop,
        scale=(round(0.5 * factor, 2), round(2.0 * factor, 2)),
        smallest=(min(heights), min(widths)),
        median=middle,
        largest=(max(heights), max(widths)),
    )
