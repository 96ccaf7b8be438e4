"""The conventions under which published numbers were measured, by name."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from atrous.data.ade20k import ADE20K_150
from atrous.data.camvid import CAMVID
from atrous.errors import ConfigError
from atrous.imaging import LabelMap
from atrous.labels import ADE20K, CITYSCAPES, VOC, LabelSet

ONE_SCALE = (1.0,)


@dataclass(frozen=True)
class Protocol:
    """Everything that moves a mean IoU and is not the model.

    All of them count one confusion matrix over the split and average the classes that occurred.
    """

    description: str
    """In words, for people."""
    label_sets: tuple[LabelSet, ...] = ()
    """The classes that data may have, in the order of their ids; none accepts all."""
    void_is_wrong: bool = False
    """Whether ignored pixels count against the class that is predicted there."""
    unscored: tuple[str, ...] = ()
    """Classes whose labelled pixels are ignored."""
    eval_crop_size: tuple[int, int] | None = None
    """Height and width that pictures are filled up to, seen at their own size; None sees them as
    the model's card says."""
    scales: tuple[float, ...] = ONE_SCALE
    """Factors on the picture's size whose softmax is averaged."""
    flip: bool = False
    """Whether each scale is also seen mirrored."""
    slide: tuple[int, int] | None = None
    """Height and width of windows that slide over the picture; None sees it whole."""

    def check(self, label_set: LabelSet) -> None:
        """Hold data against the protocol.

        Raises:
            ConfigError: If the classes are others, or in another order.
        """
        if self.label_sets and not any(_same(label_set, known) for known in self.label_sets):
            known = self.label_sets[0]
            raise ConfigError(
                f"the protocol is for {' or '.join(str(s.num_classes) for s in self.label_sets)} "
                f"classes ({', '.join(known.names[:4])} ...); the data have "
                f"{label_set.num_classes} ({', '.join(label_set.names[:4])} ...)"
            )

    def scored(self, labels: LabelMap, label_set: LabelSet) -> LabelMap:
        """The labels with those that are not scored ignored."""
        unscored = [
            label_set.names.index(name) for name in self.unscored if name in label_set.names
        ]
        if not unscored:
            return labels
        return np.where(np.isin(labels, unscored), _ignored(labels, label_set), labels)


def _same(one: LabelSet, other: LabelSet) -> bool:
    names = ([name.casefold() for name in label_set.names] for label_set in (one, other))
    return next(names) == next(names)


def _ignored(labels: LabelMap, label_set: LabelSet) -> np.generic:
    """The ignore_index, in a type that holds it."""
    fits = label_set.ignore_index <= int(np.iinfo(labels.dtype).max)
    return (labels.dtype.type if fits else np.uint16)(label_set.ignore_index)


DEFAULT = Protocol("ignored pixels left out")
"""What is measured when no protocol is named."""

PROTOCOLS: Mapping[str, Protocol] = {
    "voc": Protocol(
        "PASCAL VOC 2012: 21 classes with background, 255 (object boundaries) left out, pictures "
        "at their own size filled up to 513 x 513",
        (VOC,),
        eval_crop_size=(513, 513),
    ),
    "voc-ms": Protocol(
        "voc, with the softmax averaged over six scales and mirror images",
        (VOC,),
        eval_crop_size=(513, 513),
        scales=(0.5, 0.75, 1.0, 1.25, 1.5, 1.75),
        flip=True,
    ),
    "cityscapes": Protocol(
        "Cityscapes: the 19 evaluated classes by their trainIds, all others left out, pictures at "
        "their own size filled up to 1025 x 2049",
        (CITYSCAPES,),
        eval_crop_size=(1025, 2049),
    ),
    "cityscapes-ms": Protocol(
        "cityscapes, with the softmax averaged over three scales and mirror images",
        (CITYSCAPES,),
        eval_crop_size=(1025, 2049),
        scales=(0.75, 1.0, 1.25),
        flip=True,
    ),
    "ade20k": Protocol(
        "ADE20K: 150 classes, pixels that have none left out, pictures at their own size filled up "
        "to 513 x 513. With 151 classes label 0 is the one that has none; predicted on a pixel of "
        "another class it counts as a class with IoU 0, as in the released evaluation",
        (ADE20K, ADE20K_150),
        unscored=("other",),
        eval_crop_size=(513, 513),
    ),
    "ade20k-ms": Protocol(
        "ade20k, with the softmax averaged over six scales and mirror images",
        (ADE20K, ADE20K_150),
        unscored=("other",),
        eval_crop_size=(513, 513),
        scales=(0.5, 0.75, 1.0, 1.25, 1.5, 1.75),
        flip=True,
    ),
    "camvid": Protocol(
        "CamVid: 11 classes, unlabelled pixels (11) left out, pictures as the model sees them and "
        "labels at 480 x 360",
        (CAMVID,),
    ),
    "camvid-void": Protocol(
        "CamVid: 11 classes; an unlabelled pixel (11) is wrong whatever is predicted there: it "
        "adds to the union of the predicted class and to the pixels of pixel accuracy. Void is no "
        "twelfth class in the mean",
        (CAMVID,),
        void_is_wrong=True,
    ),
}
"""Protocols by name; ``-ms`` are the multi-scale forms that papers report beside the plain one."""


def find_protocol(name: str | None) -> Protocol:
    """A protocol by its name; the default one for None.

    Raises:
        ConfigError: If there is none of that name.
    """
    if name is None:
        return DEFAULT
    if name not in PROTOCOLS:
        raise ConfigError(f"no protocol {name!r}; known: {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]
