"""Published weights as models of ours: find out what a file is, and translate it whole."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from atrous.errors import ConfigError, WeightsError
from atrous.labels import ADE20K, CITYSCAPES, VOC, LabelSet, numbered_label_set
from atrous.models.config import OutputStride
from atrous.models.segmenter import Segmenter
from atrous.runtime.card import ModelCard, Preprocessing
from atrous.weights.contents import Contents, refuse_not_finite
from atrous.weights.from_tf_deeplab import (
    CHECKPOINT_LEAVES,
    FOLDED_LEAVES,
    fill,
    translate,
)
from atrous.weights.frozen_graph import read_frozen_graph
from atrous.weights.openvino_ir import read_openvino_ir
from atrous.weights.tf_archive import find_archive, read_archive
from atrous.weights.tf_checkpoint import checkpoint_prefix, read_tf_checkpoint
from atrous.weights.tf_checkpoint_v1 import find_v1_checkpoint, read_v1_checkpoint
from atrous.weights.tflite import read_tflite

LABEL_SETS: Mapping[str, LabelSet] = {"voc": VOC, "cityscapes": CITYSCAPES, "ade20k": ADE20K}
"""Classes that published weights were trained on; names and order are not in their files."""


@dataclass(frozen=True)
class Conversion:
    """A published model in our form."""

    source: str
    """What kind of file it was."""
    model: Segmenter
    """The network, in evaluation mode."""
    card: ModelCard
    """Classes, preprocessing and architecture."""
    tensors: int
    """Values that were taken."""
    skipped: int
    """Values that only the training had."""


@dataclass(frozen=True)
class Source:
    """One kind of file with published weights."""

    find: Callable[[Path], Path | None]
    """The file that a path means; None if the path is of another kind."""
    read: Callable[[Path], Contents]
    """Every value by its name, and what else the file says."""


def _with_ending(ending: str) -> Callable[[Path], Path | None]:
    return lambda path: path if path.suffix == ending else None


def _read_checkpoint(prefix: Path) -> Contents:
    return Contents(read_tf_checkpoint(prefix), CHECKPOINT_LEAVES)


def _read_v1_checkpoint(path: Path) -> Contents:
    return Contents(read_v1_checkpoint(path), CHECKPOINT_LEAVES)


def _read_ir(path: Path) -> Contents:
    return Contents(read_openvino_ir(path), FOLDED_LEAVES)


SOURCES: Mapping[str, Source] = {
    "TensorFlow checkpoint": Source(checkpoint_prefix, _read_checkpoint),
    "TensorFlow V1 checkpoint": Source(find_v1_checkpoint, _read_v1_checkpoint),
    "frozen TensorFlow graph": Source(_with_ending(".pb"), read_frozen_graph),
    "archive of the release": Source(find_archive, read_archive),
    "TFLite": Source(_with_ending(".tflite"), read_tflite),
    "OpenVINO IR": Source(_with_ending(".xml"), _read_ir),
}
"""Kinds of files, by what people call them."""


def convert(
    path: Path, *, output_stride: OutputStride | None = None, labels: str | None = None
) -> Conversion:
    """Read published weights, find out which network they are of, and translate them whole.

    Encoder, head, decoder and number of classes are told by names and shapes. What they cannot
    tell are the output stride, which is free, and the classes' names.

    Args:
        path: A TensorFlow checkpoint (its prefix, ``.index`` or folder), a frozen graph, the
            ``.tar.gz`` with both, a TFLite model, or an OpenVINO IR of the released MobileNetV2.
        output_stride: Stride to build the network for; None takes the one that the file's graph
            has, or 16 if it does not tell.
        labels: Key into `LABEL_SETS`; None takes the one with as many classes, or numbers them.

    Raises:
        ConfigError: If ``labels`` is unknown or has another number of classes.
        WeightsError: If the file is of no known kind, damaged, or does not fit as a whole.
    """
    kind, source, found = _recognize(path)
    published = source.read(found)
    refuse_not_finite(published.values, where=str(found))
    translated = translate(
        published.values,
        output_stride=output_stride or published.output_stride or 16,
        where=str(found),
        leaves=published.leaves,
    )
    config = translated.config.model_copy(update={"align_corners": published.align_corners})
    label_set = _label_set(labels, config.num_classes, found)
    card = ModelCard(
        name=f"{config.decoder}_{config.encoder}",
        description=f"Converted from {found.name}, {kind}.",
        classes=label_set.names,
        palette=label_set.palette,
        ignore_index=label_set.ignore_index,
        preprocessing=_preprocessing(config.encoder, config.num_classes, published.size),
        align_corners=config.align_corners,
        architecture=config.model_dump(mode="json"),
    )
    taken = len(published.values) - translated.skipped
    model = fill(replace(translated, config=config))
    return Conversion(kind, model, card, taken, translated.skipped)


def _recognize(path: Path) -> tuple[str, Source, Path]:
    for kind, source in SOURCES.items():
        found = source.find(path)
        if found is not None:
            return kind, source, found
    if not path.exists():
        raise WeightsError(f"{path}: no such file, folder or checkpoint prefix")
    if path.is_dir():
        indexes = sorted(file.name for file in path.glob("*.index"))
        raise WeightsError(
            f"{path}: expected one checkpoint in this folder, found {indexes or 'no .index file'}"
        )
    raise WeightsError(f"{path}: none of the kinds that are read: {', '.join(SOURCES)}")


def _label_set(labels: str | None, num_classes: int, path: Path) -> LabelSet:
    if labels is None:
        fitting = (known for known in LABEL_SETS.values() if known.num_classes == num_classes)
        return next(fitting, numbered_label_set(num_classes))
    if labels not in LABEL_SETS:
        raise ConfigError(f"unknown labels {labels!r}; known: {', '.join(LABEL_SETS)}")
    if LABEL_SETS[labels].num_classes != num_classes:
        raise ConfigError(
            f"{path}: has {num_classes} classes, {labels} has {LABEL_SETS[labels].num_classes}"
        )
    return LABEL_SETS[labels]


def _preprocessing(encoder: str, num_classes: int, size: int | None) -> Preprocessing:
    """As the released code feeds its networks: beta ResNets and all others from -1 to 1.

    Pictures get the size that the graph takes. Where it is free, the released demo scales them to
    513; the whole pictures of Cityscapes have 2048.
    """
    longest_side = size or (2048 if num_classes == CITYSCAPES.num_classes else 513)
    if encoder.startswith("resnet") and not encoder.endswith("_beta"):
        mean = (123.15, 115.90, 103.06)
        return Preprocessing(mean=mean, std=(1.0, 1.0, 1.0), longest_side=longest_side)
    return Preprocessing(longest_side=longest_side)
