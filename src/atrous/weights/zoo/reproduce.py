"""Published numbers beside those that are counted here."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import torch

from atrous.layers.count import count_parameters, multiply_adds_by_layer
from atrous.models.classifier import build_classifier
from atrous.models.config import ClassifierConfig, ModelConfig
from atrous.models.segmenter import Segmenter
from atrous.models.summary import build_empty, summarize
from atrous.weights.zoo.published import (
    PublishedCount,
    PublishedSize,
    published_counts,
    published_sizes,
)

_HEAD = ("context", "decoder", "classifier")


@cache
def _empty(config: ModelConfig) -> Segmenter:
    return build_empty(config)


@cache
def _multiply_adds(config: ModelConfig, size: tuple[int, int]) -> int:
    counts = multiply_adds_by_layer(_empty(config), 1, config.in_channels, *size, fill_up=True)
    return sum(counts.values())


@dataclass(frozen=True)
class Comparison:
    """One published number beside what is counted here."""

    where: str
    """Table that the number stands in."""
    what: str
    """The network, as the table calls it."""
    published: float
    """Billions of multiply-adds, or a number of parameters."""
    counted: float | None
    """The same of our network; None if it is not built here."""
    ok: bool
    """Whether both agree as closely as they should."""
    output_stride: int | None = None
    """For multiply-adds."""
    looks: int | None = None
    """Scales of the picture whose multiply-adds are added up, mirrored ones too."""
    note: str = ""
    """Why the published number is taken for another one, or less exactly."""

    @property
    def difference(self) -> float | None:
        """Of the counted number, as a share of the published one."""
        return None if self.counted is None else self.counted / self.published - 1


def compare_all() -> Iterator[Comparison]:
    """Every published number beside ours, table by table."""
    yield from compare_counts(published_counts())
    yield from compare_sizes(published_sizes())


def compare_counts(rows: Iterable[PublishedCount]) -> Iterator[Comparison]:
    """Count the multiply-adds of each row's network."""
    for row in rows:
        counted = count(row)
        ok = counted is None or abs(counted / row.held_to - 1) <= row.tolerance
        looks = len(row.scales) * _looks(row.flip)
        yield Comparison(
            row.where, row.what, row.published, counted, ok, row.output_stride, looks, row.note
        )


def compare_sizes(rows: Iterable[PublishedSize]) -> Iterator[Comparison]:
    """Count the parameters of each row's network, which must be equal."""
    for row in rows:
        counted = count_size(row)
        what = row.what if row.section == "whole" else f"{row.what}: {row.section}"
        yield Comparison(row.where, what, row.published, counted, counted == row.published)


def _looks(flip: bool) -> int:
    return 2 if flip else 1


def count(row: PublishedCount) -> float | None:
    """Multiply-adds of a row's network in billions; None if it is not built here.

    Atrous convolutions are counted as TensorFlow runs them, and those of several scales are
    added up.
    """
    if row.config is None:
        return None
    sizes = [(scaled(row.size[0], scale), scaled(row.size[1], scale)) for scale in row.scales]
    return _looks(row.flip) * sum(_multiply_adds(row.config, size) for size in sizes) / 1e9


def count_size(row: PublishedSize) -> int:
    """Trained values of a row's network, or of the section that the row is about."""
    if isinstance(row.network, ClassifierConfig):
        with torch.device("meta"):
            return count_parameters(build_classifier(row.network))
    if row.section == "whole":
        return count_parameters(_empty(row.network))
    return sum(
        part.parameters
        for part in summarize(_empty(row.network), (65, 65)).parts
        if row.section == (part.stage if part.stage in _HEAD else "encoder")
    )


def scaled(side: int, scale: float) -> int:
    """A side of a picture at a scale, as the released code rounds it.

    Examples:
        >>> scaled(513, 0.5), scaled(2049, 1.25)
        (257, 2561)
    """
    return int((side - 1) * scale + 1)
