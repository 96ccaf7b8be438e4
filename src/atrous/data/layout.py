"""What a layout on disk promises."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from atrous.data.sample import Pair
from atrous.errors import DatasetError
from atrous.labels import LabelSet

FaultKind: TypeAlias = Literal["no labels", "no picture", "same name", "outside"]


@dataclass(frozen=True)
class Fault:
    """A file of a split that is in no pair."""

    kind: FaultKind
    path: Path
    message: str
    """A sentence that begins with the file."""


@dataclass(frozen=True)
class Listing:
    """All files of one split: those that make pairs, and those that do not."""

    pairs: tuple[Pair, ...]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Layout:
    """A way in which datasets lie on disk.

    ``listing`` and ``label_set`` take the root folder and one of ``splits``.
    """

    looks: str
    """What such a folder looks like, in a few words."""
    find: Callable[[Path], str | None]
    """Why a folder is of this layout, in a few words; None if it is not. Raises nothing."""
    splits: Callable[[Path], tuple[str, ...]]
    """Names of the splits of a folder for which ``find`` gave a reason."""
    listing: Callable[[Path, str], Listing]
    """Every file of a split. Raises DatasetError where there is nothing to list."""
    label_set: Callable[[Path, str], LabelSet]
    """What the labels mean. Raises DatasetError where that is not said or wrong."""


@dataclass(frozen=True)
class Split:
    """One split of a dataset, opened: every picture has its labels."""

    layout: str
    """Key into `atrous.data.DATASETS`."""
    name: str
    label_set: LabelSet
    pairs: tuple[Pair, ...]


def pairs_of(listing: Listing, where: str) -> tuple[Pair, ...]:
    """The pairs of a split in which nothing is left over.

    Raises:
        DatasetError: If a file has no partner, or there is none at all.
    """
    if listing.faults:
        count = len(listing.faults)
        more = f" (and {count - 1} more files without a partner)" if count > 1 else ""
        raise DatasetError(f"{listing.faults[0].message}{more}")
    if not listing.pairs:
        raise DatasetError(f"{where}: holds no pictures")
    return listing.pairs
