"""What a recipe's ``[data]`` asks for, as one function on a sample, and as counts of an epoch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.random import Generator

from atrous.data.augment import blur, jitter_color, scale_crop_flip
from atrous.data.mixing import Partner, RandomPicture, copy_paste, cut_mix
from atrous.data.resize_rule import size_in_range
from atrous.data.sample import PairList, Sample
from atrous.data.sampling import (
    Presence,
    Times,
    class_indices,
    class_presence,
    times_by_rarity,
)
from atrous.data.warp import resize_image, resize_labels
from atrous.engine.config import CopyPaste, DataConfig
from atrous.errors import ConfigError
from atrous.labels import LabelSet


@dataclass(frozen=True)
class Crop:
    """Size, place, mirror and angle of a sample."""

    config: DataConfig
    fill: Sequence[int]
    """Value of each channel in padding."""
    ignore_index: int

    def __call__(self, sample: Sample, random: Generator) -> Sample:
        """Give a sample of the recipe's ``crop_size``."""
        config = self.config
        return scale_crop_flip(
            _resize(sample, config),
            random,
            crop_size=config.crop_size,
            scale=(*config.scale, config.scale_step),
            flip=config.flip,
            fill=self.fill,
            ignore_index=self.ignore_index,
            rotation=config.rotation,
        )


@dataclass(frozen=True)
class ObjectPaste:
    """Objects of other pictures, laid onto some of the samples."""

    config: CopyPaste
    classes: Sequence[int]
    partner: Partner

    def __call__(self, sample: Sample, random: Generator) -> Sample:
        """Lay objects onto a sample, or leave it as it is."""
        if random.random() >= self.config.probability:
            return sample
        other = self.partner(random)
        soft_edge = self.config.soft_edge
        return copy_paste(sample, other, random, classes=self.classes, soft_edge=soft_edge)


@dataclass(frozen=True)
class Augmentation:
    """All that happens to a sample, in this order: crop, copy-paste, CutMix, colour, blur."""

    config: DataConfig
    crop: Crop
    paste: ObjectPaste | None
    partner: Partner
    """For CutMix."""

    def __call__(self, sample: Sample, random: Generator) -> Sample:
        """Change a sample; numbers for what a recipe leaves out are not drawn."""
        config = self.config
        sample = self.crop(sample, random)
        if self.paste:
            sample = self.paste(sample, random)
        if config.cut_mix and random.random() < config.cut_mix:
            sample = cut_mix(sample, self.partner(random), random)
        image = sample.image
        if config.color_jitter or config.hue_jitter:
            image = jitter_color(image, random, strength=config.color_jitter, hue=config.hue_jitter)
        if config.blur:
            image = blur(image, random, largest_sigma=config.blur)
        return Sample(sample.name, image, sample.labels)


@dataclass(frozen=True)
class DataPlan:
    """What happens to the samples of a split, and how often an epoch shows them."""

    augment: Callable[[Sample, Generator], Sample]
    times: Times | None
    """For `atrous.data.sampling.epoch_order`; None for once."""


def plan_data(config: DataConfig, pairs: PairList, *, fill: Sequence[int]) -> DataPlan:
    """Get ready what a recipe asks for.

    All labels are read once where classes decide which pictures are shown or copied from.

    Args:
        config: The recipe's ``[data]``.
        pairs: The training split.
        fill: Value of each channel in padding.

    Raises:
        ConfigError: If a class is named that the dataset lacks, or that no picture shows.
        DatasetError: If labels make no sense.
        InputError: If a file cannot be read.
    """
    crop = Crop(config, tuple(fill), pairs.label_set.ignore_index)
    paste, repeat = config.copy_paste, config.repeat
    # Names are looked at before the labels, which may take minutes to read.
    pasted = class_indices(
        paste.classes if paste else (), pairs.label_set, where="data.copy_paste.classes"
    )
    repeated = class_indices(
        repeat.classes if repeat else (), pairs.label_set, where="data.repeat.classes"
    )
    every = range(len(pairs.pairs))
    picture = partial(RandomPicture, pairs, change=crop, kind=config.kind)
    objects, times = None, None
    if paste or repeat or config.balance:
        presence = class_presence(pairs)
        showing = partial(_pictures_with, presence=presence, label_set=pairs.label_set)
        times = times_by_rarity(presence, config.balance)
        if repeat:
            times[showing(repeated, where="data.repeat.classes")] *= repeat.times
        if paste:
            among = showing(pasted, where="data.copy_paste.classes")
            objects = ObjectPaste(paste, pasted, picture(among=among))
    augment = Augmentation(config, crop, objects, picture(among=every))
    return DataPlan(augment, times if repeat or config.balance else None)


def _pictures_with(
    classes: Sequence[int], *, presence: Presence, label_set: LabelSet, where: str
) -> list[int]:
    """Indices of the pictures that show one of the classes, at least one.

    Raises:
        ConfigError: If there is none.
    """
    found: list[int] = np.flatnonzero(presence[:, list(classes)].any(axis=1)).tolist()
    if not found:
        names = ", ".join(repr(label_set.names[index]) for index in classes)
        raise ConfigError(f"{where}: no training picture shows {names}")
    return found


def _resize(sample: Sample, config: DataConfig) -> Sample:
    """Apply DeepLab's size rule, if the recipe has it."""
    if not config.resize_range:
        return sample
    smallest, largest = config.resize_range
    height, width = sample.labels.shape
    size = size_in_range(
        (height, width), smallest=smallest, largest=largest, multiple=config.resize_multiple
    )
    return Sample(sample.name, resize_image(sample.image, size), resize_labels(sample.labels, size))
