"""Pictures and label maps in one folder, told apart by an ending such as ``_mask``."""

from functools import partial
from pathlib import Path

from atrous.data.counting import count_classes
from atrous.data.description import read_description
from atrous.data.folders import (
    HASHED_SPLITS,
    LABEL_ENDINGS,
    SPLIT_NAMES,
    Found,
    find_files,
    in_split,
    match,
)
from atrous.data.layout import Layout, Listing
from atrous.data.sample import LabelFile
from atrous.imaging import SUFFIXES
from atrous.labels import LabelSet


def find(root: Path) -> str | None:
    """A picture beside its labels: at the top, or in a folder of a split."""
    for folder in (root, *_split_folders(root)):
        labels = _first_labels(folder)
        if labels:
            where = "" if folder == root else f" in {folder.name}"
            return f"{labels.name} beside its picture{where}"
    return None


def splits(root: Path) -> tuple[str, ...]:
    """Names of folders; train and val by a hash of the names where there are none."""
    return tuple(folder.name for folder in _split_folders(root)) or HASHED_SPLITS


def listing(root: Path, split: str) -> Listing:
    """Pictures with the labels of their names and an ending."""
    folder = root / split if _split_folders(root) else root
    whole = _listing(folder, root)
    return whole if folder != root else in_split(whole, split)


def label_set(root: Path, split: str) -> LabelSet:
    """As ``dataset.toml`` says, or numbered by what the labels of the training split hold."""
    described = read_description(root).label_set
    if described:
        return described
    known = splits(root)
    training = next((name for name in ("train", "training") if name in known), split)
    return count_classes(listing(root, training), root)


def _split_folders(root: Path) -> list[Path]:
    """The folders of splits that hold pairs; the training split comes first."""
    folders = (root / name for name in SPLIT_NAMES)
    return [folder for folder in folders if folder.is_dir() and _first_labels(folder)]


def _first_labels(folder: Path) -> Path | None:
    """The first label file whose picture lies beside it."""
    files = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES]
    stems = {path.stem for path in files}
    labels = (path for path in files if any(_bare(path.stem, e) in stems for e in LABEL_ENDINGS))
    return min(labels, default=None)


def _bare(stem: str, ending: str) -> str | None:
    return stem.removesuffix(ending) if stem.endswith(ending) else None


def _listing(folder: Path, root: Path) -> Listing:
    found, description = find_files(folder, root, deep=False), read_description(root)
    labels = {n: path for n, path in found.files.items() if n.endswith(LABEL_ENDINGS)}
    images = {n: path for n, path in found.files.items() if n not in labels}
    source = partial(LabelFile, values=description.values, colors=description.colors)
    pictures = Found(images, found.faults)
    return match(pictures, Found(labels), source=source, where=str(folder))


LAYOUT = Layout(
    looks="NAME.jpg beside NAME_mask.png (or _label, _gt, _seg), also in folders train and val",
    find=find,
    splits=splits,
    listing=listing,
    label_set=label_set,
)
