"""A picture with its labels, and a list of them on disk."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from atrous.errors import DatasetError
from atrous.imaging import SUFFIXES, LabelMap, Pixels, read_image, read_labels
from atrous.labels import LabelSet


@dataclass(frozen=True)
class Sample:
    """A picture and the class of each of its pixels."""

    name: str
    image: Pixels
    """(H, W, 3) RGB."""
    labels: LabelMap
    """(H, W) class indices, or the ignore_index of the label set."""


@dataclass(frozen=True)
class Pair:
    """Where a picture and its labels are."""

    name: str
    image: Path
    labels: Path


class PairList(Protocol):
    """What a layout promises: the pairs of one split, found and counted when it is made."""

    label_set: LabelSet
    pairs: tuple[Pair, ...]


def read_pair(pair: Pair, label_set: LabelSet) -> Sample:
    """Read a picture and its labels, and hold them against each other and the label set.

    Raises:
        DatasetError: If the sizes differ or a label value has no meaning.
        InputError: If a file cannot be read.
    """
    image = read_image(pair.image).pixels
    labels = read_labels(pair.labels)
    check_labels(labels, image.shape[:2], label_set, pair.labels)
    return Sample(pair.name, image, labels)


def check_labels(labels: LabelMap, size: tuple[int, ...], label_set: LabelSet, path: Path) -> None:
    """Hold a label map against the size of its picture and the classes.

    Raises:
        DatasetError: If the sizes differ or a label value has no meaning.
    """
    if labels.shape != size:
        turned = "; the picture may be turned by its EXIF tag" if labels.T.shape == size else ""
        raise DatasetError(
            f"{path}: labels are {labels.shape[1]} x {labels.shape[0]}, the picture is "
            f"{size[1]} x {size[0]}{turned}; they must have the same size"
        )
    values = np.unique(labels.astype(np.int64))
    unknown = values[(values >= label_set.num_classes) & (values != label_set.ignore_index)]
    if unknown.size:
        raise DatasetError(
            f"{path}: unknown label values {unknown[:8].tolist()}; expected 0 to "
            f"{label_set.num_classes - 1}, or {label_set.ignore_index} to ignore a pixel"
        )


def match_pairs(images: Path, labels: Path, root: Path) -> tuple[Pair, ...]:
    """Pair the pictures of one folder with the labels of another by their stems.

    Hidden files and folders, and files whose ending is not a picture's, are left out.

    Raises:
        DatasetError: If a folder is missing or empty, or a file has no partner or two.
    """
    from_images = _by_stem(images)
    from_labels = _by_stem(labels)
    alone = sorted(from_images.keys() ^ from_labels.keys())
    if alone:
        first = from_images.get(alone[0]) or from_labels[alone[0]]
        raise DatasetError(
            f"{len(alone)} of {len(from_images | from_labels)} names have no partner in "
            f"{images.relative_to(root)} and {labels.relative_to(root)}; the first is {first}"
        )
    return tuple(Pair(stem, from_images[stem], from_labels[stem]) for stem in sorted(from_images))


def _by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise DatasetError(f"no folder {folder}")
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        if hidden or path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        stem = inside.with_suffix("").as_posix()
        if stem in found:
            raise DatasetError(f"two files share the name {stem!r}: {found[stem]} and {path}")
        found[stem] = path
    if not found:
        raise DatasetError(f"no pictures in {folder}; endings looked for: {sorted(SUFFIXES)}")
    return found
