"""CamVid as the SegNet tutorial cut it: 480x360, 11 classes (Brostow et al., 2009)."""

from pathlib import Path

from atrous.data.description import DATASET_FILE
from atrous.data.folders import find_files, match
from atrous.data.layout import Layout, Listing
from atrous.data.sample import LabelFile
from atrous.labels import LabelSet

CAMVID = LabelSet(
    names=(
        "Sky",
        "Building",
        "Pole",
        "Road",
        "Pavement",
        "Tree",
        "SignSymbol",
        "Fence",
        "Car",
        "Pedestrian",
        "Bicyclist",
    ),
    palette=(
        (128, 128, 128),
        (128, 0, 0),
        (192, 192, 128),
        (128, 64, 128),
        (60, 40, 222),
        (128, 128, 0),
        (192, 128, 128),
        (64, 64, 128),
        (64, 0, 128),
        (64, 64, 0),
        (0, 128, 192),
    ),
    ignore_index=11,
)
"""The 11 classes in the tutorial's order; 11 is unlabelled."""


_SPLITS = ("train", "val", "test")


def find(root: Path) -> str | None:
    """Folders ``train`` and ``trainannot``, and no names of the user's own."""
    there = splits(root)
    if not there or (root / DATASET_FILE).is_file():
        return None
    return f"folders {there[0]} and {there[0]}annot"


def splits(root: Path) -> tuple[str, ...]:
    """Those of train, val and test that have both folders."""
    return tuple(
        split for split in _SPLITS if (root / split).is_dir() and (root / f"{split}annot").is_dir()
    )


def listing(root: Path, split: str) -> Listing:
    """Pictures of ``train`` with the labels of the same name in ``trainannot``."""
    labels = root / f"{split}annot"
    return match(
        find_files(root / split, root),
        find_files(labels, root),
        source=LabelFile,
        where=str(labels),
    )


def label_set(root: Path, split: str) -> LabelSet:  # noqa: ARG001, the classes are fixed
    """The 11 classes."""
    return CAMVID


LAYOUT = Layout(
    looks="folders train and trainannot, val and valannot",
    find=find,
    splits=splits,
    listing=listing,
    label_set=label_set,
)
