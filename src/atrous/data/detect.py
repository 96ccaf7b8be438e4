"""Find out which layout a folder has."""

from pathlib import Path

from atrous.data import DATASETS
from atrous.data.sample import PairList
from atrous.errors import ConfigError, DatasetError


def open_split(root: Path, split: str, *, layout: str = "auto") -> PairList:
    """Open one split of a dataset.

    Args:
        root: Folder of the dataset.
        split: Such as ``train`` or ``val``.
        layout: Key into `atrous.data.DATASETS`, or ``auto`` to take the first that fits.

    Raises:
        ConfigError: If ``layout`` is unknown.
        DatasetError: If no layout fits, with what each one missed.
    """
    if not root.is_dir():
        raise DatasetError(f"{root}: no such folder")
    if layout != "auto":
        if layout not in DATASETS:
            raise ConfigError(f"unknown layout {layout!r}; known: auto, {', '.join(DATASETS)}")
        return DATASETS[layout](root, split)
    missed = []
    for name, build in DATASETS.items():
        try:
            return build(root, split)
        except DatasetError as error:
            missed.append(f"{name}: {error}")
    raise DatasetError(f"no known layout fits {root}. {'. '.join(missed)}")
