"""Published weights as models of ours: find out what a file is, and translate it whole."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from atrous.errors import ConfigError, WeightsError
from atrous.labels import ADE20K, CITYSCAPES, VOC, LabelSet, numbered_label_set
from atrous.models.build import build_model
from atrous.models.config import ModelConfig, OutputStride, model_config_from
from atrous.models.segmenter import Segmenter
from atrous.runtime.card import ModelCard, Preprocessing
from atrous.weights.formats.contents import Contents, refuse_not_finite
from atrous.weights.formats.frozen_graph import read_frozen_graph
from atrous.weights.formats.leaves import CHECKPOINT_LEAVES, FOLDED_LEAVES
from atrous.weights.formats.openvino_ir import read_openvino_ir
from atrous.weights.formats.tf_archive import find_archive, read_archive
from atrous.weights.formats.tf_checkpoint import checkpoint_prefix, read_tf_checkpoint
from atrous.weights.formats.tf_checkpoint_v1 import find_v1_checkpoint, read_v1_checkpoint
from atrous.weights.formats.tflite import read_tflite
from atrous.weights.formats.torch_file import TORCH_ENDINGS, is_ours
from atrous.weights.from_tf_deeplab import fill, translate
from atrous.weights.model_file import load_model
from atrous.weights.peers.read import read_peer
from atrous.weights.translated import Foreign

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
    read: Callable[[Path, OutputStride | None], Foreign]
    """The network in it, for an output stride, or for the one that such networks have."""


def _with_ending(*endings: str) -> Callable[[Path], Path | None]:
    return lambda path: path if path.suffix in endings else None


def _of_tensorflow(
    kind: str, find: Callable[[Path], Path | None], read: Callable[[Path], Contents]
) -> Source:
    """A kind of file with the variables of the released DeepLab."""

    def read_network(path: Path, output_stride: OutputStride | None) -> Foreign:
        published = read(path)
        refuse_not_finite(published.values, where=str(path))
        translated = translate(
            published.values,
            output_stride=output_stride or published.output_stride or 16,
            where=str(path),
            leaves=published.leaves,
        )
        config = translated.config.model_copy(update={"align_corners": published.align_corners})
        return Foreign(
            kind,
            replace(translated, config=config),
            tensors=len(published.values) - translated.skipped,
            preprocessing=_preprocessing(config.encoder, config.num_classes, published.size),
        )

    return Source(find, read_network)


def _read_checkpoint(prefix: Path) -> Contents:
    return Contents(read_tf_checkpoint(prefix), CHECKPOINT_LEAVES)


def _read_v1_checkpoint(path: Path) -> Contents:
    return Contents(read_v1_checkpoint(path), CHECKPOINT_LEAVES)


def _read_ir(path: Path) -> Contents:
    return Contents(read_openvino_ir(path), FOLDED_LEAVES)


SOURCES: Mapping[str, Source] = {
    **{
        kind: _of_tensorflow(kind, find, read)
        for kind, find, read in (
            ("TensorFlow checkpoint", checkpoint_prefix, _read_checkpoint),
            ("TensorFlow V1 checkpoint", find_v1_checkpoint, _read_v1_checkpoint),
            ("frozen TensorFlow graph", _with_ending(".pb"), read_frozen_graph),
            ("archive of the release", find_archive, read_archive),
            ("TFLite", _with_ending(".tflite"), read_tflite),
            ("OpenVINO IR", _with_ending(".xml"), _read_ir),
        )
    },
    "PyTorch checkpoint": Source(_with_ending(*TORCH_ENDINGS), read_peer),
}
"""Kinds of files, by what people call them."""


def convert(
    path: Path,
    *,
    output_stride: OutputStride | None = None,
    atrous_rates: Sequence[int] | None = None,
    labels: str | None = None,
) -> Conversion:
    """Read published weights, find out which network they are of, and translate them whole.

    Encoder, head, decoder and number of classes are told by names and shapes. What they cannot
    tell are the output stride and the atrous rates, and the classes' names.

    Args:
        path: A TensorFlow checkpoint (its prefix, ``.index`` or folder), a frozen graph, the
            ``.tar.gz`` with both, a TFLite model, an OpenVINO IR of the released MobileNetV2, a
            state dict of one of `atrous.weights.peers.PEERS`, or a ``.safetensors`` model of ours
            that is wanted at another output stride.
        output_stride: Stride to build the network for; None takes the one that the file's graph
            has, or the one that the source builds by default, 16 for TensorFlow.
        atrous_rates: Rates of the ASPP branches; None is what the source has at that stride.
        labels: Key into `LABEL_SETS`; None takes the one with as many classes, or numbers them.

    Raises:
        ConfigError: If ``labels`` is unknown, has another number of classes or is given for a model
            of ours, or ``atrous_rates`` are not as many as the network has.
        WeightsError: If the file is of no known kind, damaged, or does not fit as a whole.
    """
    if (output_stride or atrous_rates) and path.suffix == ".safetensors" and is_ours(path):
        return _convert_ours(path, output_stride, atrous_rates=atrous_rates, labels=labels)
    source, found = _recognize(path)
    foreign = source.read(found, output_stride)
    translated = foreign.translated
    if atrous_rates is not None:
        config = _with_rates(translated.config, atrous_rates, found)
        translated = replace(translated, config=config)
    config = translated.config
    label_set = _label_set(labels, config.num_classes, found)
    left_out = f", without {foreign.left_out}" if foreign.left_out else ""
    card = ModelCard(
        name=f"{config.decoder}_{config.encoder}",
        description=f"Converted from {found.name}, {foreign.kind}{left_out}.",
        classes=label_set.names,
        palette=label_set.palette,
        ignore_index=label_set.ignore_index,
        preprocessing=foreign.preprocessing,
        align_corners=config.align_corners,
        architecture=config.model_dump(mode="json"),
    )
    return Conversion(foreign.kind, fill(translated), card, foreign.tensors, translated.skipped)


def _convert_ours(
    path: Path,
    output_stride: OutputStride | None,
    *,
    atrous_rates: Sequence[int] | None,
    labels: str | None,
) -> Conversion:
    """A model of ours at another output stride, where its result is another one."""
    if labels is not None:
        raise ConfigError(
            f"{path}: is a model of ours, with class names of its own; name no labels"
        )
    model, card = load_model(path)
    config = model_config_from(card.architecture)
    if output_stride is not None:
        config = config.model_copy(update={"output_stride": output_stride})
    if atrous_rates is not None:
        config = _with_rates(config, atrous_rates, path)
    state = model.state_dict()
    changed = build_model(config)
    changed.load_state_dict(state)
    architecture = config.model_dump(mode="json")
    card = card.model_copy(update={"architecture": architecture, "result": {}})
    return Conversion("model of ours", changed.eval(), card, len(state), 0)


def _with_rates(config: ModelConfig, atrous_rates: Sequence[int], path: Path) -> ModelConfig:
    branches = 3 if config.atrous_rates is None else len(config.atrous_rates)
    if len(atrous_rates) != branches or config.context != "aspp":
        raise ConfigError(
            f"{path}: has {branches if config.context == 'aspp' else 'no'} atrous branches, not "
            f"the {len(atrous_rates)} that {tuple(atrous_rates)} are for"
        )
    return model_config_from(config.model_dump() | {"atrous_rates": tuple(atrous_rates)})


def _recognize(path: Path) -> tuple[Source, Path]:
    for source in SOURCES.values():
        found = source.find(path)
        if found is not None:
            return source, found
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
