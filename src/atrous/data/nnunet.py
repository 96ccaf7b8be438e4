"""nnU-Net's raw data of two dimensions: imagesTr, labelsTr and dataset.json."""

from functools import partial
from pathlib import Path
from typing import Any

from atrous.data.description import label_set_of, read_description
from atrous.data.folders import HASHED_SPLITS, Found, find_files, in_split, match
from atrous.data.layout import Layout, Listing
from atrous.data.sample import LabelFile
from atrous.data.text import read_json
from atrous.errors import DatasetError
from atrous.imaging import SUFFIXES
from atrous.labels import LabelSet

_MAX_BYTES = 64 << 20
_FILE = "dataset.json"


def find(root: Path) -> str | None:
    """Folders imagesTr and labelsTr beside dataset.json."""
    there = (root / "imagesTr").is_dir() and (root / "labelsTr").is_dir()
    return "imagesTr and labelsTr beside dataset.json" if there and _file(root).is_file() else None


def splits(root: Path) -> tuple[str, ...]:
    """Train and val, and test where labelsTs is there."""
    return (*HASHED_SPLITS, "test") if (root / "labelsTs").is_dir() else HASHED_SPLITS


def listing(root: Path, split: str) -> Listing:
    """Pictures ``NAME_0000`` with the labels ``NAME``.

    The first fold of ``splits_final.json`` says which ones are val; without it a hash of the names.
    """
    _check(_read(root), _file(root))
    part = "Ts" if split == "test" else "Tr"
    labels = root / f"labels{part}"
    values = read_description(root).values
    whole = match(
        _first_channels(find_files(root / f"images{part}", root)),
        find_files(labels, root),
        source=partial(LabelFile, values=values),
        where=str(labels),
    )
    if split == "test":
        return whole
    fold = root / "splits_final.json"
    return _in_fold(whole, fold, split) if fold.is_file() else in_split(whole, split)


def label_set(root: Path, split: str) -> LabelSet:  # noqa: ARG001, the same for every split
    """Classes of ``dataset.toml``, else the ``labels`` of dataset.json; one may be ``ignore``."""
    path = _file(root)
    labels = _labels(_read(root), path)
    ignore = labels.pop("ignore", 255)
    ordered = sorted(labels, key=lambda name: labels[name])
    if [labels[name] for name in ordered] != list(range(len(ordered))):
        raise DatasetError(f"{path}: labels must be numbered from 0 without a gap")
    known = label_set_of(ordered, path, ignore_index=ignore)
    return read_description(root, known=known).label_set or known


def _file(root: Path) -> Path:
    return root / _FILE


def _read(root: Path) -> dict[str, Any]:
    content = read_json(_file(root), _MAX_BYTES)
    if not isinstance(content, dict):
        raise DatasetError(f"{_file(root)}: expected an object with labels and channel_names")
    return content


def _check(content: dict[str, Any], path: Path) -> None:
    """Refuse what is not pictures of one file each."""
    ending = content.get("file_ending")
    if isinstance(ending, str) and ending.lower() not in SUFFIXES:
        raise DatasetError(f"{path}: files of {ending} are not read; expected PNG or TIFF")
    channels = content.get("channel_names") or content.get("modality") or {}
    files = len(channels) if isinstance(channels, dict) else 0
    rgb = {str(name).upper() for name in channels.values()} == {"R", "G", "B"} if files else False
    if files > 1 and not rgb:
        raise DatasetError(
            f"{path}: each picture has {files} channels ({', '.join(map(str, channels.values()))});"
            " only grey and RGB pictures in one file each are read"
        )


def _labels(content: dict[str, Any], path: Path) -> dict[str, int]:
    """Index by name; version 1 has them the other way round, as texts."""
    said = content.get("labels")
    if not isinstance(said, dict) or not said:
        raise DatasetError(f"{path}: has no labels")
    if all(isinstance(name, str) for name in said.values()):
        said = {name: int(key) if key.isdecimal() else -1 for key, name in said.items()}
    wrong = [name for name, index in said.items() if type(index) is not int or index < 0]
    if wrong:
        raise DatasetError(f"{path}: label {wrong[0]!r} is no single number; regions are not read")
    return dict(said)


def _first_channels(found: Found) -> Found:
    files = {name.removesuffix("_0000"): path for name, path in found.files.items()}
    return Found(files, found.faults)


def _in_fold(whole: Listing, path: Path, split: str) -> Listing:
    folds = read_json(path, _MAX_BYTES)
    try:
        names = {str(name) for name in folds[0][split]}
    except (LookupError, TypeError):
        raise DatasetError(f"{path}: expected a list of folds with train and val") from None
    return Listing(tuple(pair for pair in whole.pairs if pair.name in names), whole.faults)


LAYOUT = Layout(
    looks="imagesTr, labelsTr and dataset.json of nnU-Net, PNG or TIFF",
    find=find,
    splits=splits,
    listing=listing,
    label_set=label_set,
)
