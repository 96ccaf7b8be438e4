"""CamVid as the SegNet tutorial cut it: 480x360, 11 classes (Brostow et al., 2009)."""

from pathlib import Path

from atrous.data.sample import match_pairs
from atrous.errors import DatasetError
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


class CamVid:
    """Folders ``train``, ``trainannot``, ``val``, ``valannot``.

    Args:
        root: Folder that holds them.
        split: ``train``, ``val`` or ``test``.

    Raises:
        DatasetError: If the folders or a partner of a file are missing.
    """

    def __init__(self, root: Path, split: str) -> None:
        self.label_set = CAMVID
        images, labels = root / split, root / f"{split}annot"
        if not images.is_dir() or not labels.is_dir():
            there = sorted(path.name for path in root.glob("*") if path.is_dir())
            raise DatasetError(
                f"no CamVid split {split!r} in {root}: expected folders {images.name!r} and "
                f"{labels.name!r}, found {there or 'none'}"
            )
        self.pairs = match_pairs(images, labels, root)
