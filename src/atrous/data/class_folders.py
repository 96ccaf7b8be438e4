"""Pictures in a folder for each class: ``train/CLASS/*.jpg`` beside ``val/CLASS/*.jpg``."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atrous.data.detect import ALSO_CALLED
from atrous.data.folders import is_inside
from atrous.data.layout import Split
from atrous.data.sample import ImageFile, Pair
from atrous.errors import DatasetError
from atrous.imaging import SUFFIXES, LabelMap
from atrous.labels import LabelSet, distinct_palette

NO_CLASS = 65_535
"""The ignore_index, which no class has."""


@dataclass(frozen=True)
class ClassOfPicture:
    """The class of a picture as a whole, which is that of each of its pixels."""

    path: Path
    """The picture, for messages."""
    index: int

    def read(self, size: tuple[int, int]) -> LabelMap:
        """(H, W), the same everywhere, in the memory of one pixel."""
        return np.broadcast_to(np.uint16(self.index), size)


def open_class_folders(root: Path, split: str, *, names: Sequence[str] | None = None) -> Split:
    """Open one split of a dataset that has a folder for each class.

    Args:
        root: Folder of the dataset.
        split: ``train`` or ``val``, which are found by their other names too.
        names: The classes in their order, as the training split has them; None for the names of
            the folders, sorted.

    Raises:
        DatasetError: If there is no such split, it has fewer than two classes, a folder is no
            class of ``names``, or a folder holds no pictures.
    """
    folder, there = _folder(root, split), class_names_in(root, split)
    classes = tuple(names or there)
    strangers = sorted(set(there) - set(classes))
    if strangers:
        raise DatasetError(
            f"{folder}: {strangers[0]!r} is no class of the training split, which has "
            f"{len(classes)} ({', '.join(classes[:4])} ...); each folder must be one of them"
        )
    if len(classes) < 2:
        raise DatasetError(
            f"{folder}: holds {len(there)} folders with a class each; expected at least two, as in "
            "train/cat and train/dog"
        )
    pairs = tuple(
        Pair(f"{name}/{path.stem}", ImageFile(path), ClassOfPicture(path, index))
        for index, name in enumerate(classes)
        if name in there
        for path in _pictures(folder / name, root)
    )
    label_set = LabelSet(classes, distinct_palette(len(classes)), NO_CLASS)
    return Split("class folders", folder.name, label_set, pairs)


def class_names_in(root: Path, split: str) -> tuple[str, ...]:
    """The names of a split's folders, sorted.

    Raises:
        DatasetError: If there is no such split.
    """
    folder = _folder(root, split)
    return tuple(sorted(path.name for path in folder.iterdir() if _is_class(path)))


def _folder(root: Path, split: str) -> Path:
    for name in (split, *ALSO_CALLED.get(split, ())):
        if (root / name).is_dir():
            return root / name
    raise DatasetError(
        f"{root}: has no folder {split!r}; expected a folder for each class in it, as in "
        f"{split}/cat and {split}/dog"
    )


def _is_class(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


def _pictures(folder: Path, root: Path) -> list[Path]:
    found = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    )
    outside = next((path for path in found if not is_inside(path, root)), None)
    if outside:
        raise DatasetError(f"{outside}: leads out of {root}; copy the picture into the dataset")
    if not found:
        raise DatasetError(f"{folder}: is the folder of a class, and holds no pictures")
    return found
