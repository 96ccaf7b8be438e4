"""Find out which layout a folder has."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from atrous.data import DATASETS
from atrous.data.layout import Listing, Split, pairs_of
from atrous.data.sample import ImageFile, NoLabels, Pair
from atrous.errors import ConfigError, DatasetError

ALSO_CALLED = {
    "train": ("training", "train2017"),
    "val": ("valid", "validation", "dev", "val2017"),
    "test": ("testing", "test2017"),
}
"""Other names of the usual splits."""
_SPELLED = {"train_aug": ("trainaug",), "trainaug": ("train_aug",)}


def detect_layout(root: Path) -> tuple[str, str]:
    """The first layout of `atrous.data.DATASETS` that a folder has, and why.

    Raises:
        DatasetError: If it has none, with what each one looks like.
    """
    with _reading(root):
        for name, layout in DATASETS.items():
            reason = layout.find(root)
            if reason:
                return name, reason
        raise DatasetError(_describe_unknown(root))


def _describe_unknown(root: Path) -> str:
    there = sorted(path.name for path in root.iterdir() if not path.name.startswith("."))[:8]
    known = "\n".join(f"  {name}: {layout.looks}" for name, layout in DATASETS.items())
    return (
        f"no known layout fits {root}, which holds {', '.join(there) or 'nothing'}. Simplest are "
        f"pictures in {root / 'images'} and label maps of the same names in {root / 'masks'}; "
        f"known are\n{known}"
    )


def splits_of(root: Path, *, layout: str = "auto") -> tuple[str, ...]:
    """The names of the splits of a dataset.

    Raises:
        ConfigError: If ``layout`` is unknown.
        DatasetError: If no layout fits.
    """
    with _reading(root):
        return DATASETS[_known_layout(root, layout)].splits(root)


def usual_splits(root: Path, *, layout: str = "auto") -> tuple[str, ...]:
    """Those of train, val and test that a dataset has, as it calls them.

    Raises:
        ConfigError: If ``layout`` is unknown.
        DatasetError: If no layout fits.
    """
    there = splits_of(root, layout=layout)
    named = (
        next((name for name in (usual, *others) if name in there), None)
        for usual, others in ALSO_CALLED.items()
    )
    return tuple(name for name in named if name)


def list_split(root: Path, split: str, *, layout: str = "auto") -> Listing:
    """Every file of a split, also those without a partner, which `open_split` refuses.

    Raises:
        ConfigError: If ``layout`` is unknown.
        DatasetError: If no layout fits, or it has no such split.
    """
    with _reading(root):
        name = _known_layout(root, layout)
        return DATASETS[name].listing(root, _known_split(root, split, name))


def open_split(root: Path, split: str, *, layout: str = "auto") -> Split:
    """Open one split of a dataset.

    Args:
        root: Folder of the dataset.
        split: Such as ``train`` or ``val``; ``valid`` and ``validation`` are found as ``val``.
            Several, joined by ``+``, become one.
        layout: Key into `atrous.data.DATASETS`, or ``auto`` to take the first that fits.

    Raises:
        ConfigError: If ``layout`` is unknown.
        DatasetError: If no layout fits, it has no such split, or a file has no partner.
    """
    if "+" in split:
        parts = [open_split(root, part, layout=layout) for part in split.split("+")]
        return _joined(split, parts, root)
    with _reading(root):
        name = _known_layout(root, layout)
        known = _known_split(root, split, name)
        pairs = pairs_of(DATASETS[name].listing(root, known), f"split {known!r} of {root}")
        return Split(name, known, DATASETS[name].label_set(root, known), pairs)


def _joined(name: str, parts: Sequence[Split], root: Path) -> Split:
    """Splits as one.

    Raises:
        DatasetError: If their classes differ, or one is named twice.
    """
    first = parts[0]
    if any(part.label_set != first.label_set for part in parts):
        raise DatasetError(f"{root}: the splits of {name!r} have different classes")
    if len({part.name for part in parts}) < len(parts):
        raise DatasetError(f"{root}: {name!r} names a split twice")
    pairs = tuple(pair for part in parts for pair in part.pairs)
    return Split(first.layout, name, first.label_set, pairs)


@contextlib.contextmanager
def _reading(root: Path) -> Iterator[None]:
    """Turn what the file system refuses, such as a folder without permission, into a sentence."""
    try:
        if not root.is_dir():
            raise DatasetError(f"{root}: no such folder")
        yield
    except OSError as error:
        place = error.filename or root
        raise DatasetError(f"{place}: cannot be read ({error.strerror})") from None


def open_unlabelled(root: Path, split: str, *, layout: str = "auto") -> Split:
    """Open a split that may be without any labels, such as the one that a benchmark keeps.

    If no picture at all has labels, those of every picture are ignored pixels; as soon as one has
    some, this is `open_split`.

    Args:
        root: Folder of the dataset.
        split: As for `open_split`.
        layout: As for `open_split`.

    Raises:
        ConfigError: If ``layout`` is unknown.
        DatasetError: As for `open_split`.
    """
    with _reading(root):
        name = _known_layout(root, layout)
        known = _known_split(root, split, name)
        listing = DATASETS[name].listing(root, known)
        bare = [fault.path for fault in listing.faults if fault.kind == "no labels"]
        if listing.pairs or not bare or len(bare) < len(listing.faults):
            return open_split(root, split, layout=layout)
        label_set = DATASETS[name].label_set(root, known)
        pairs = tuple(
            Pair(path.stem, ImageFile(path), NoLabels(path, label_set.ignore_index))
            for path in bare
        )
        return Split(name, known, label_set, pairs)


def _known_layout(root: Path, layout: str) -> str:
    if layout == "auto":
        return detect_layout(root)[0]
    if layout not in DATASETS:
        raise ConfigError(f"unknown layout {layout!r}; known: auto, {', '.join(DATASETS)}")
    if not DATASETS[layout].find(root):
        raise DatasetError(
            f"{root}: is not of the layout {layout!r}; expected {DATASETS[layout].looks}"
        )
    return layout


def _known_split(root: Path, split: str, layout: str) -> str:
    known = DATASETS[layout].splits(root)
    for name in (split, *ALSO_CALLED.get(split, ()), *_SPELLED.get(split, ())):
        if name in known:
            return name
    deal = f". To deal its pictures into train and val: atrous data split {root} --out NEW-FOLDER"
    raise DatasetError(
        f"no split {split!r} in {root} (layout {layout}); it has {', '.join(known) or 'none'}"
        f"{deal if known and split in ('train', 'val') else ''}"
    )
