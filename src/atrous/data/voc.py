"""PASCAL VOC 2012, and exports of annotation tools in its form."""

import re
from functools import partial
from pathlib import Path

from atrous.data import sbd
from atrous.data.description import Description, label_set_of, read_description
from atrous.data.folders import (
    HASHED_SPLITS,
    SPLIT_NAMES,
    Found,
    find_files,
    in_split,
    inside,
    match_listed,
)
from atrous.data.layout import Layout, Listing
from atrous.data.sample import LabelFile
from atrous.data.text import read_lines
from atrous.errors import ConfigError, DatasetError
from atrous.imaging import SUFFIXES
from atrous.labels import VOC, Color, LabelSet

_BASES = (".", "VOC2012", "VOCdevkit/VOC2012", "VOCtrainval_11-May-2012/VOCdevkit/VOC2012")
_LISTS = "ImageSets/Segmentation"
_AUGMENTED = ("train_aug", "trainaug")
"""Names of the list of 10,582 pictures that the Semantic Boundaries Dataset adds to."""


def find(root: Path) -> str | None:
    """Lists in ImageSets/Segmentation beside JPEGImages and SegmentationClass."""
    base = _base(root)
    if base is None:
        return None
    return (
        (base / f"JPEGImages beside SegmentationClass, lists in {_LISTS}")
        .relative_to(root)
        .as_posix()
    )


def splits(root: Path) -> tuple[str, ...]:
    """The lists, and train_aug where there are labels for it; also a hash, if none is a split."""
    base = _base(root)
    if base is None:
        return ()
    listed = sorted(path.stem for path in (base / _LISTS).glob("[!.]*.txt"))
    if not set(listed) & set(SPLIT_NAMES):
        return (*listed, *HASHED_SPLITS)
    augmented = (base / "SegmentationClassAug").is_dir() or sbd.labels_near(base, root)
    if "val" in listed and augmented and not set(listed) & set(_AUGMENTED):
        listed.append(_AUGMENTED[0])
    return tuple(listed)


def listing(root: Path, split: str) -> Listing:
    """Pictures that a list names, with the labels of their names."""
    base = _base(root)
    if base is None:
        raise DatasetError(f"no split {split!r} in {root}")
    lists = [path.stem for path in (base / _LISTS).glob("[!.]*.txt")]
    if split in HASHED_SPLITS and not set(lists) & set(SPLIT_NAMES):
        return in_split(_union([_listed(root, base, name) for name in lists]), split)
    return _listed(root, base, split)


def _union(listings: list[Listing]) -> Listing:
    """All pairs of lists that tools call ``default``, each once."""
    pairs = {pair.name: pair for listing in listings for pair in listing.pairs}
    faults = dict.fromkeys(fault for listing in listings for fault in listing.faults)
    return Listing(tuple(pairs[name] for name in sorted(pairs)), tuple(faults))


def _listed(root: Path, base: Path, split: str) -> Listing:
    folders = _label_folders(root, base, augmented=split in _AUGMENTED)
    marked = Found()
    for folder in folders:
        found = find_files(folder, root, suffixes={".mat"} if folder.name == "cls" else SUFFIXES)
        marked.files.update(found.files)
        marked.faults += found.faults
    path = base / _LISTS / f"{split}.txt"
    described = _described(root, base)
    drawn = partial(LabelFile, values=described.values, colors=described.colors)
    boundaries = partial(sbd.MatLabels, values=described.values)
    return match_listed(
        _names(path, base) if path.is_file() else _all_but_val(marked, base),
        find_files(base / "JPEGImages", root),
        marked,
        by=path,
        among="JPEGImages",
        source=lambda file: boundaries(file) if file.suffix.lower() == ".mat" else drawn(file),
        where=" or ".join(map(str, folders)),
    )


def _label_folders(root: Path, base: Path, *, augmented: bool) -> tuple[Path, ...]:
    """Where labels lie; of a picture that has several, those of the last folder count."""
    usual, png = base / "SegmentationClass", base / "SegmentationClassAug"
    if not augmented:
        return (usual,)
    return (png,) if png.is_dir() else (sbd.labels_near(base, root) or _missing(base, root), usual)


def label_set(root: Path, split: str) -> LabelSet:  # noqa: ARG001, the same for every split
    """VOC's 21 classes, or those of ``dataset.toml`` or a ``labelmap.txt``."""
    base = _base(root)
    return _described(root, base or root).label_set or VOC


def _base(root: Path) -> Path | None:
    for name in _BASES:
        base = root / name
        needed = (base / "JPEGImages", base / "SegmentationClass", base / _LISTS)
        if all(folder.is_dir() for folder in needed):
            return base
    return None


def _missing(base: Path, root: Path) -> Path:
    raise DatasetError(
        f"{base}: train_aug needs a folder SegmentationClassAug, or the .mat files of the Semantic "
        f"Boundaries Dataset: its folder cls in {base.name}, or benchmark_RELEASE below {root}"
    )


def _names(path: Path, base: Path) -> list[str]:
    """Names of a list; some lists give the paths of picture and labels instead."""
    names = []
    for line in read_lines(path):
        first = line.split()[0].lstrip("/")
        inside(base, first, by=path)
        whole = Path(first)
        names.append(whole.stem if whole.suffix.lower() in SUFFIXES else whole.name)
    return names


def _all_but_val(marked: Found, base: Path) -> list[str]:
    """What the augmented training list is made of: all labels but those of val."""
    held_out = set(_names(base / _LISTS / "val.txt", base))
    return [name for name in marked.files if name not in held_out]


def _described(root: Path, base: Path) -> Description:
    path = base / "labelmap.txt"
    known, colors = _read_labelmap(path) if path.is_file() else (None, {})
    said = read_description(root, known=known)
    if said.label_set is None:
        said = read_description(root, known=VOC)
    return Description(
        said.label_set, said.ignore_index, said.values, {**colors, **said.colors}, said.names
    )


def _read_labelmap(path: Path) -> tuple[LabelSet, dict[Color, int]]:
    """CVAT's ``name:r,g,b:parts:actions`` lines, in the order of the indices."""
    names, palette = [], []
    for line in read_lines(path):
        parsed = re.fullmatch(r"([^:]+):(\d{1,3}),(\d{1,3}),(\d{1,3})(:.*)?", line)
        if parsed is None:
            raise DatasetError(f"{path}: expected name:red,green,blue::, not {line[:60]!r}")
        names.append(parsed[1])
        palette.append((int(parsed[2]), int(parsed[3]), int(parsed[4])))
    label_set_of(names, path)
    try:
        known = LabelSet(tuple(names), tuple(palette))
    except ConfigError as error:
        raise DatasetError(f"{path}: {error}") from None
    return known, {color: index for index, color in enumerate(palette)}


LAYOUT = Layout(
    looks="JPEGImages, SegmentationClass and ImageSets/Segmentation, also below VOCdevkit/VOC2012",
    find=find,
    splits=splits,
    listing=listing,
    label_set=label_set,
)
