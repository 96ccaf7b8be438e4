"""Which pictures a user means: files, folders and patterns."""

import glob
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from atrous.errors import InputError
from atrous.imaging import SUFFIXES


@dataclass(frozen=True)
class FoundPicture:
    """A picture to segment."""

    path: Path
    name: Path
    """Where its results go below the output folder, without an ending."""


def find_pictures(source: str, *, leave_out: Path | None = None) -> tuple[FoundPicture, ...]:
    """Pictures that one argument of the command names.

    Args:
        source: A file, a folder that is searched all the way down, or a pattern with ``*``, ``?``
            or ``[]``, where ``**`` stands for any folders.
        leave_out: A folder that is not searched, such as where results go.

    Returns:
        In the order of their names. A folder's tree is kept in the names.

    Raises:
        InputError: If nothing is there, or a folder or pattern holds no picture.
    """
    path = Path(source)
    if path.is_file():
        return (FoundPicture(path, Path(path.stem)),)
    if path.is_dir():
        found = _pictures_among(path.rglob("*"), leave_out)
        if not found:
            raise InputError(f"{source}: no pictures in this folder; {_endings()}")
        return tuple(FoundPicture(one, one.relative_to(path).with_suffix("")) for one in found)
    if glob.has_magic(source):
        matches = (Path(match) for match in glob.iglob(source, recursive=True))
        found = _pictures_among(matches, leave_out)
        if not found:
            raise InputError(f"{source}: no picture fits this pattern; {_endings()}")
        root = _fixed_part(path)
        return tuple(FoundPicture(one, one.relative_to(root).with_suffix("")) for one in found)
    raise InputError(f"{source}: no such file or folder")


def distinct_names(pictures: Sequence[FoundPicture]) -> tuple[FoundPicture, ...]:
    """Tell pictures apart whose results would have the same names, by their endings.

    A picture that was named twice is kept once.

    Raises:
        InputError: If two pictures cannot be told apart even so.
    """
    once = tuple({picture.path.resolve(): picture for picture in pictures}.values())
    counts = Counter(picture.name for picture in once)
    told_apart = tuple(
        picture
        if counts[picture.name] == 1
        else FoundPicture(picture.path, picture.name.with_name(picture.path.name))
        for picture in once
    )
    (name, count), *_ = Counter(picture.name for picture in told_apart).most_common(1)
    if count > 1:
        clashing = [str(picture.path) for picture in told_apart if picture.name == name]
        raise InputError(
            f"results of {' and '.join(clashing[:3])} would have the same names; give the folder "
            "above them, or predict them into different folders with -o"
        )
    return told_apart


def _pictures_among(paths: Iterable[Path], leave_out: Path | None) -> list[Path]:
    barred = leave_out.resolve() if leave_out else None
    return sorted(
        path
        for path in paths
        if path.suffix.lower() in SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
        and not (barred and path.resolve().is_relative_to(barred))
    )


def _fixed_part(pattern: Path) -> Path:
    """The folders in front of the first part with a wildcard."""
    fixed = Path(pattern.anchor)
    for part in pattern.relative_to(pattern.anchor).parts:
        if glob.has_magic(part):
            break
        fixed /= part
    return fixed


def _endings() -> str:
    return f"endings looked for: {' '.join(sorted(SUFFIXES))}"
