"""Folders of pictures beside folders of labels, the layout most datasets share."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from atrous.data.counting import count_classes
from atrous.data.description import Description, read_description
from atrous.data.folders import HASHED_SPLITS, SPLIT_NAMES, find_files, in_split, inside, match
from atrous.data.layout import Fault, Layout, Listing
from atrous.data.sample import LabelFile
from atrous.data.text import read_lines
from atrous.errors import DatasetError
from atrous.imaging import SUFFIXES
from atrous.labels import LabelSet

IMAGE_FOLDERS = ("images", "img_dir", "image", "imgs", "img", "JPEGImages")
LABEL_FOLDERS = (
    *("masks", "labels", "ann_dir", "annotations", "mask", "label", "ann", "gt"),
    *("annots", "segmentations", "SegmentationClass", "stuffthingmaps"),
)
_BEHIND_SPLIT = ("annot", "_annot", "_labels", "_masks", "_mask", "_label", "mask", "masks")
"""``train_masks`` beside ``train``."""
_LISTS = ("splits/{split}.txt", "{split}.txt", "ImageSets/Segmentation/{split}.txt")

_Folders = tuple[Path, Path]


def find(root: Path) -> str | None:
    """Two folders, of pictures and of labels, in one of the usual spellings."""
    by_split = _by_split(root)
    if by_split:
        images, labels = next(iter(by_split.values()))
        return f"{_short(images, root)} beside {_short(labels, root)}"
    flat = _flat(root)
    if flat is None:
        return None
    where = f"{flat[0].name} beside {flat[1].name}"
    lists = _lists(root)
    if lists:
        return f"{where}, with {_short(next(iter(lists.values())), root)}"
    return f"{where}; no folders or lists of splits, so that a fifth of the names is val"


def splits(root: Path) -> tuple[str, ...]:
    """Names of folders or lists; train and val by a hash of the names where there are none."""
    return tuple(_by_split(root) or _lists(root) or HASHED_SPLITS)


def listing(root: Path, split: str) -> Listing:
    """Pictures with the labels of their names."""
    description = read_description(root)
    folders = _by_split(root).get(split)
    if folders:
        return _match(*folders, root, description)
    flat = _flat(root)
    if flat is None:
        raise DatasetError(f"no split {split!r} in {root}")
    whole = _match(*flat, root, description)
    lists = _lists(root)
    return _listed(whole, lists[split], flat[0]) if lists else in_split(whole, split)


def label_set(root: Path, split: str) -> LabelSet:
    """As ``dataset.toml`` says, or numbered by what the labels of the training split hold."""
    described = read_description(root).label_set
    if described:
        return described
    known = splits(root)
    training = next((name for name in ("train", "training") if name in known), split)
    return count_classes(listing(root, training), root)


def _by_split(root: Path) -> dict[str, _Folders]:
    """The two folders of each split; the training split comes first."""
    found: dict[str, _Folders] = {}
    for split, images, labels in (*_inside_splits(root), *_above_splits(root), *_behind(root)):
        if images.is_dir() and labels.is_dir():
            found.setdefault(split, (images, labels))
    rank = {name: place for place, name in enumerate(SPLIT_NAMES)}
    return dict(sorted(found.items(), key=lambda item: (rank.get(item[0], 9), item[0])))


def _inside_splits(root: Path) -> Iterator[tuple[str, Path, Path]]:
    for folder in _folders(root):
        pair = _flat(folder)
        if pair:
            yield folder.name, *pair


def _above_splits(root: Path) -> Iterator[tuple[str, Path, Path]]:
    flat = _flat(root)
    inner = _folders(flat[0]) if flat else []
    # Folders of other names are parts of one dataset, such as one for each film.
    if flat and any(folder.name in SPLIT_NAMES for folder in inner):
        for folder in inner:
            yield folder.name, folder, flat[1] / folder.name


def _behind(root: Path) -> Iterator[tuple[str, Path, Path]]:
    for folder in _folders(root):
        for ending in _BEHIND_SPLIT:
            yield folder.name, folder, root / f"{folder.name}{ending}"


def _flat(root: Path) -> _Folders | None:
    """The folders of pictures and of labels in ``root``, whatever their capital letters."""
    there = {folder.name.casefold(): folder for folder in _folders(root)}
    images = [there[name.casefold()] for name in IMAGE_FOLDERS if name.casefold() in there]
    labels = [there[name.casefold()] for name in LABEL_FOLDERS if name.casefold() in there]
    return (images[0], labels[0]) if images and labels else None


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.glob("[!.]*") if path.is_dir())


def _lists(root: Path) -> dict[str, Path]:
    for pattern in _LISTS:
        names = {split: root / pattern.format(split=split) for split in SPLIT_NAMES}
        there = {split: path for split, path in names.items() if path.is_file()}
        if there:
            return there
    return {}


def _match(images: Path, labels: Path, root: Path, description: Description) -> Listing:
    source = partial(LabelFile, values=description.values, colors=description.colors)
    found, marked = find_files(images, root), find_files(labels, root)
    for folder, files in ((images, found), (labels, marked)):
        if not (files.files or files.faults):
            raise DatasetError(f"no pictures in {folder}; endings looked for: {sorted(SUFFIXES)}")
    return match(found, marked, source=source, where=str(labels))


def _listed(whole: Listing, path: Path, images: Path) -> Listing:
    """The pairs that a list names, in its order, with faults of these names only."""
    by_name = {pair.name: pair for pair in whole.pairs}
    pairs, faults = [], []
    for line in read_lines(path):
        name = line.split()[0] if line not in by_name else line
        stem = str(Path(name).with_suffix("")) if Path(name).suffix.lower() in SUFFIXES else name
        pair = by_name.get(stem) or by_name.get(Path(stem).name)
        if pair:
            pairs.append(pair)
            continue
        inside(images, name, by=path)
        faults.append(_why_not_listed(name, stem, path, whole))
    return Listing(tuple(pairs), tuple(faults))


def _why_not_listed(name: str, stem: str, path: Path, whole: Listing) -> Fault:
    for fault in whole.faults:
        if fault.path.stem == Path(stem).name:
            return fault
    return Fault("no picture", path, f"{path}: names {name!r}, and there is no such picture")


def _short(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()


LAYOUT = Layout(
    looks="images beside masks, or train/images beside train/masks, in their usual spellings",
    find=find,
    splits=splits,
    listing=listing,
    label_set=label_set,
)
