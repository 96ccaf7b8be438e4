"""The Semantic Boundaries Dataset, 11,355 pictures of PASCAL VOC 2011 with labels in .mat files."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from atrous.data.description import read_description
from atrous.data.folders import HASHED_SPLITS, find_files, in_split, inside, match, match_listed
from atrous.data.layout import Layout, Listing
from atrous.data.mapping import map_values
from atrous.data.matlab import read_field
from atrous.data.text import read_lines
from atrous.errors import DatasetError
from atrous.imaging import LabelMap
from atrous.labels import VOC, LabelSet

_BASES = (".", "dataset", "benchmark_RELEASE/dataset")
_NEAR_VOC = (*_BASES, "SBD", "sbd", "VOCaug/dataset")
"""Where people put it, seen from a folder of PASCAL VOC or one above it."""
_LISTS = ("train", "val", "train_noval")
"""Of the release, and the training list without the pictures of VOC 2012's val."""


@dataclass(frozen=True)
class MatLabels:
    """The classes of a picture's pixels, in a .mat file."""

    path: Path
    values: Mapping[int, int] | None = None
    """Class index by stored value; a value that is not named stays what it is."""

    def read(self, size: tuple[int, int]) -> LabelMap:  # noqa: ARG002, a map has its own size
        """(H, W) class indices, 0 for the background and 1 to 20 as in VOC, mapped.

        Raises:
            DatasetError: If the file holds no such map.
            InputError: If it cannot be read.
        """
        stored = read_field(self.path, "GTcls", "Segmentation")
        low, high = int(stored.min(initial=0)), int(stored.max(initial=0))
        if stored.ndim != 2 or low < 0 or high > 65_535:
            raise DatasetError(
                f"{self.path}: holds values from {low} to {high} in the shape {stored.shape}; "
                "expected one class index for each pixel"
            )
        labels = np.ascontiguousarray(stored.astype(np.uint8 if high < 256 else np.uint16))
        return map_values(labels, self.values) if self.values else labels


def find(root: Path) -> str | None:
    """Pictures in ``img`` and .mat files in ``cls``."""
    base = _base(root)
    return (base / "img beside cls of .mat files").relative_to(root).as_posix() if base else None


def splits(root: Path) -> tuple[str, ...]:
    """The lists of the release that are there, which are not those of VOC; else a hash."""
    base = _base(root)
    listed = tuple(name for name in _LISTS if base and (base / f"{name}.txt").is_file())
    return listed or HASHED_SPLITS


def listing(root: Path, split: str) -> Listing:
    """Pictures of ``img`` that a list names, with the .mat files of their names."""
    base = _base(root)
    if base is None:
        raise DatasetError(f"no split {split!r} in {root}")
    source = partial(MatLabels, values=read_description(root, known=VOC).values)
    images = find_files(base / "img", root)
    labels = find_files(base / "cls", root, suffixes={".mat"})
    where, by = str(base / "cls"), base / f"{split}.txt"
    if not by.is_file():
        return in_split(match(images, labels, source=source, where=where), split)
    names = read_lines(by)
    for name in names:
        inside(base, name, by=by)
    return match_listed(names, images, labels, by=by, among="img", source=source, where=where)


def label_set(root: Path, split: str) -> LabelSet:  # noqa: ARG001, the same for every split
    """VOC's 21 classes, or those of ``dataset.toml``."""
    return read_description(root, known=VOC).label_set or VOC


def labels_near(base: Path, root: Path) -> Path | None:
    """The .mat files that augment PASCAL VOC in ``base``, at most as far away as ``root``."""
    for folder in (base, *base.parents):
        if not folder.is_relative_to(root):
            break
        for name in _NEAR_VOC:
            if _holds_mat(folder / name / "cls"):
                return folder / name / "cls"
    return None


def _base(root: Path) -> Path | None:
    for name in _BASES:
        if (root / name / "img").is_dir() and _holds_mat(root / name / "cls"):
            return root / name
    return None


def _holds_mat(folder: Path) -> bool:
    return folder.is_dir() and any(folder.glob("[!.]*.mat"))


LAYOUT = Layout(
    looks="img beside cls of .mat files, also in benchmark_RELEASE/dataset",
    find=find,
    splits=splits,
    listing=listing,
    label_set=label_set,
)
