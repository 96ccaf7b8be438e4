"""Pictures and label maps in one folder, told apart by ``_mask`` in the name or by the format."""

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

_PICTURES = (".jpg", ".jpeg")


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
    labels = [path for path in files if any(_bare(path.stem, e) in stems for e in LABEL_ENDINGS)]
    if not labels:
        pictures = {path.stem for path in files if path.suffix.lower() in _PICTURES}
        labels = [path for path in files if path.suffix.lower() == ".png" and path.stem in pictures]
    return min(labels, default=None)


def _bare(stem: str, ending: str) -> str | None:
    return stem.removesuffix(ending) if stem.endswith(ending) else None


def _listing(folder: Path, root: Path) -> Listing:
    description = read_description(root)
    source = partial(LabelFile, values=description.values, colors=description.colors)
    return match(*_told_apart(folder, root), source=source, where=str(folder))


def _told_apart(folder: Path, root: Path) -> tuple[Found, Found]:
    """Pictures and labels: by the endings of names where there are some, else JPEG and PNG."""
    found = find_files(folder, root, deep=False)
    labels = {n: path for n, path in found.files.items() if n.endswith(LABEL_ENDINGS)}
    if labels:
        images = {n: path for n, path in found.files.items() if n not in labels}
        return Found(images, found.faults), Found(labels)
    pictures, maps = (
        find_files(folder, root, suffixes=suffixes, deep=False)
        for suffixes in (_PICTURES, (".png",))
    )
    return pictures, maps


LAYOUT = Layout(
    looks="NAME.jpg beside NAME_mask.png (or _label, _gt, _seg) or NAME.png, also in folders train "
    "and val",
    find=find,
    splits=splits,
    listing=listing,
    label_set=label_set,
)
