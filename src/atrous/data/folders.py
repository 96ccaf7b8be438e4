"""Find files below a dataset's root, and pair pictures with labels by their names."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from atrous.data.layout import Fault, Listing
from atrous.data.sample import ImageFile, LabelSource, Pair
from atrous.errors import DatasetError
from atrous.imaging import SUFFIXES

LABEL_ENDINGS = (
    *("_gtFine_labelTrainIds", "_gtFine_labelIds", "_labelTrainIds", "_labelIds"),
    *("_segmentation", "_groundtruth", "_label", "_labels", "_mask", "_masks", "_seg", "_gt"),
)
"""What tools put behind a picture's name to name its labels."""
_LONGEST_NAME = 255
"""Bytes of one part of a path, by POSIX and Windows."""
_IMAGE_ENDINGS = ("_leftImg8bit", "_image", "_img")


@dataclass
class Found:
    """Files of one kind by their name without ending, and those that are refused."""

    files: dict[str, Path] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


def is_inside(path: Path, root: Path) -> bool:
    """Whether a path can be one of a file, and leads, through any links, to below ``root``."""
    try:
        parts = [os.fsencode(part) for part in path.parts]
    except ValueError:  # half a character, which JSON can hold
        return False
    possible = all(len(part) <= _LONGEST_NAME and b"\0" not in part for part in parts)
    return possible and Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))


def inside(root: Path, named: str, *, by: Path) -> Path:
    """The file below ``root`` that a list or description names.

    Args:
        root: Folder of the dataset.
        named: A path as written there, relative to ``root``.
        by: The file that names it, for messages.

    Raises:
        DatasetError: If it leads out of ``root``.
    """
    # A backslash separates folders in lists written on Windows.
    path = root / named.replace("\\", "/")
    if not is_inside(path, root):
        raise DatasetError(
            f"{by}: names {named[:80]!r}, which is not below {root}; copy the file into the "
            "dataset, and name it relative to its folder"
        )
    return path


def plain_name(named: str) -> str:
    r"""The name of a pair from a path in a file: without its ending, and leading nowhere else.

    Examples:
        >>> plain_name("../night\\a.b.jpg")
        'night/a.b'
    """
    parts = [part for part in named.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    name = PurePosixPath("/".join(parts).replace("\0", ""))
    return str(name.with_suffix("") if name.suffix.lower() in SUFFIXES else name)


def visible(folder: Path) -> Iterator[Path]:
    """Files below a folder in the order of their names, without hidden ones."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.is_file():
            yield path


def find_files(
    folder: Path, root: Path, *, suffixes: Iterable[str] = SUFFIXES, deep: bool = True
) -> Found:
    """Files by their path below ``folder`` without the ending.

    Hidden files and other endings are left out; links out of ``root`` and second files of one
    name are faults.

    Args:
        folder: Where to look.
        root: Folder of the dataset.
        suffixes: Endings that count, in small letters.
        deep: Whether folders below are looked into.
    """
    found, wanted = Found(), frozenset(suffixes)
    for path in visible(folder):
        inner = path.relative_to(folder)
        if path.suffix.lower() not in wanted or not (deep or len(inner.parts) == 1):
            continue
        name = inner.with_suffix("").as_posix()
        if not is_inside(path, root):
            message = f"{path}: is a link out of {root}; copy the file into the dataset"
            found.faults.append(Fault("outside", path, message))
        elif name in found.files:
            message = f"{path}: two files share the name {name!r}, the other is {found.files[name]}"
            found.faults.append(Fault("same name", path, message))
        else:
            found.files[name] = path
    return found


def match(
    images: Found, labels: Found, *, source: Callable[[Path], LabelSource], where: str
) -> Listing:
    """Pair pictures with labels of the same name, or of it with an ending such as ``_mask``.

    Args:
        images: Pictures.
        labels: Label files.
        source: How a label file is read.
        where: Where labels were looked for, for messages.
    """
    named = _by_image(images.files, labels.files)
    pairs = tuple(
        Pair(name, ImageFile(path), source(named[name]))
        for name, path in sorted(images.files.items())
        if name in named
    )
    faults = [*images.faults, *labels.faults]
    used = set(named.values())
    left = {name: path for name, path in labels.files.items() if path not in used}
    for name, path in images.files.items():
        if name not in named:
            message = f"{path}: has no labels in {where}{_same_but_case(name, left)}"
            faults.append(Fault("no labels", path, message))
    faults.extend(
        Fault("no picture", path, f"{path}: are labels without a picture") for path in left.values()
    )
    return Listing(pairs, tuple(faults))


def match_listed(
    names: Iterable[str],
    images: Found,
    labels: Found,
    *,
    by: Path,
    among: str,
    source: Callable[[Path], LabelSource],
    where: str,
) -> Listing:
    """Pair the pictures that a list names with labels as `match` does; others are left out.

    Args:
        names: Of pictures, without ending.
        images: Pictures.
        labels: Label files.
        by: The list, for messages.
        among: Where pictures were looked for, for messages.
        source: How a label file is read.
        where: Where labels were looked for, for messages.
    """
    listed = set(names)
    missing = tuple(
        Fault("no picture", by, f"{by}: names {name!r}, which is not in {among}")
        for name in sorted(listed - images.files.keys())
    )
    pairs = match(_only(images, listed), _only(labels, listed), source=source, where=where)
    return Listing(pairs.pairs, pairs.faults + missing)


def _only(found: Found, names: set[str]) -> Found:
    return Found(
        {name: path for name, path in found.files.items() if name in names},
        [fault for fault in found.faults if fault.path.stem in names],
    )


def _by_image(images: Mapping[str, Path], labels: Mapping[str, Path]) -> dict[str, Path]:
    """The label file of each picture that has one."""
    by_stem = {_without(name, LABEL_ENDINGS): path for name, path in sorted(labels.items())}
    named = {}
    for name in images:
        for candidate in (name, _without(name, _IMAGE_ENDINGS)):
            path = labels.get(candidate) or by_stem.get(candidate)
            if path:
                named[name] = path
                break
    return named


def _without(name: str, endings: Iterable[str]) -> str:
    for ending in endings:
        if name.endswith(ending) and not name.endswith("/" + ending):
            return name.removesuffix(ending)
    return name


def _same_but_case(name: str, others: Mapping[str, Path]) -> str:
    for other, path in others.items():
        if other.casefold() == name.casefold():
            return f"; {path.name} differs from it only in capital letters"
    return ""


SPLIT_NAMES = (
    *("train", "training", "val", "valid", "validation", "dev", "test", "testing"),
    *("train2017", "val2017", "test2017"),
)
"""What folders and files are called that hold a split; the training split comes first."""
HASHED_SPLITS = ("train", "val")
"""Splits of a dataset that names none, see `in_split`."""


def in_split(listing: Listing, split: str) -> Listing:
    """The part of a dataset without splits that is ``train`` or ``val``.

    A fifth of the pictures, those whose names have the lowest SHA-256, and at least one, are
    ``val``: the same ones on every machine, and almost the same ones once pictures are added.

    Raises:
        DatasetError: If there is only one picture.
    """
    by_hash = sorted(
        (hashlib.sha256(pair.name.encode("utf-8", "surrogateescape")).digest(), pair.name)
        for pair in listing.pairs
    )
    if len(by_hash) == 1:
        raise DatasetError(
            f"{listing.pairs[0].image.path}: is the only picture; expected at least two, "
            "one to train on and one to measure with"
        )
    val = {name for _, name in by_hash[: max(1, round(len(by_hash) / 5))]}
    pairs = tuple(pair for pair in listing.pairs if (pair.name in val) == (split == "val"))
    return Listing(pairs, listing.faults)
