"""What commands share that write a dataset anew."""

from pathlib import Path
from typing import Annotated, TypeAlias

from cyclopts import Parameter

from atrous.data.detect import detect_layout, open_split, splits_of, usual_splits
from atrous.data.layout import Split
from atrous.errors import DatasetError, ResourceError

DataArgument: TypeAlias = Annotated[Path, Parameter(help="Folder of the dataset.")]
OutOption: TypeAlias = Annotated[
    Path, Parameter(name=("--out", "-o"), help="A folder that is not there yet.")
]
SplitsOption: TypeAlias = Annotated[
    str | None,
    Parameter(help="Names joined by commas. Default: those of train, val, test that are there."),
]


def open_splits(data: Path, out: Path, *, layout: str, splits: str | None = None) -> list[Split]:
    """The splits to write anew, at least one.

    Args:
        data: Folder of the dataset.
        out: Where they will be written.
        layout: As for `atrous.data.detect.open_split`.
        splits: Names joined by commas; None for those of train, val and test that are there.

    Raises:
        ResourceError: If ``out`` lies inside ``data``.
        DatasetError: If there is no such split, or one is not whole.
    """
    if out.resolve().is_relative_to(data.resolve()):
        raise ResourceError(f"{out}: lies inside the dataset; give a place outside of it")
    known = detect_layout(data)[0] if layout == "auto" else layout
    named = [name.strip() for name in splits.split(",")] if splits else None
    opened = [
        open_split(data, name, layout=known) for name in named or usual_splits(data, layout=known)
    ]
    if not opened:
        there = ", ".join(splits_of(data, layout=known)) or "none"
        raise DatasetError(f"{data}: has no split called train, val or test; its splits: {there}")
    return opened
