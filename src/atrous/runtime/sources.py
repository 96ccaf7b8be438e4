"""Which pictures a user means: files, folders, patterns and lists.

Everything is a stream that can be walked again, so that a list of a million lines costs a few
bytes each and not a million objects.
"""

import glob
import os
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atrous.errors import AtrousError, InputError
from atrous.imaging import SUFFIXES
from atrous.runtime.lists import paths_in_list

VIDEO_SUFFIXES = frozenset(
    {".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".mts", ".m2ts", ".3gp"}
)
"""Endings by which videos are known."""
_LIST_SUFFIX = ".txt"
_NO_NAMES = {os.sep, os.curdir, os.pardir}


@dataclass(frozen=True, slots=True)
class FoundPicture:
    """A picture or video to segment."""

    path: Path
    name: Path
    """Where its results go below the output folder, without an ending."""

    @property
    def is_video(self) -> bool:
        """Whether its ending is that of a video."""
        return self.path.suffix.lower() in VIDEO_SUFFIXES


@dataclass(frozen=True)
class Shard:
    """A share of all pictures; those of all ``count`` shards together are all, and none twice."""

    index: int = 1
    """From 1 to ``count``."""
    count: int = 1

    def has(self, position: int) -> bool:
        """Whether the picture at a position, from 0, is in this share."""
        return position % self.count == self.index - 1


class Sources:
    """All pictures that the arguments of a command name, each once and with a name of its own.

    Pictures whose results would have the same names are told apart by their endings. What is
    found depends on the files alone, so that shards on several machines agree.

    Args:
        given: Files, folders, patterns and lists, see `find_pictures`.
        leave_out: A folder that is not searched, such as where results go.
        shard: The share of the pictures that is gone through.

    Raises:
        InputError: If two pictures cannot be told apart even by their endings.
    """

    def __init__(
        self, given: Sequence[str], *, leave_out: Path | None = None, shard: Shard | None = None
    ) -> None:
        self.failed: list[tuple[str, AtrousError]] = []
        """Arguments that name nothing, and why."""
        self._leave_out = leave_out
        self._shard = shard or Shard()
        # Hashes alone are kept: 24 bytes for each picture.
        marks = array("q")
        self._given = [source for source in given if self._note(source, marks)]
        table = np.array(marks, np.int64).reshape(-1, 3)
        self._named_twice = _repeated(table[:, 0])
        once = table[np.unique(table[:, 0], return_index=True)[1]]
        self._same_names = _repeated(once[:, 1])
        self._total = len(once)
        clashing = _repeated(once[:, 2])
        if clashing:
            raise InputError(self._clash(clashing))

    def __len__(self) -> int:
        return len(range(self._shard.index - 1, self._total, self._shard.count))

    def __iter__(self) -> Iterator[FoundPicture]:
        return (
            picture for position, picture in enumerate(self._all()) if self._shard.has(position)
        )

    def _all(self) -> Iterator[FoundPicture]:
        """Every picture of all shards, once."""
        seen: set[int] = set()
        for source in self._given:
            for picture in find_pictures(source, leave_out=self._leave_out):
                path, name, _ = _marks(picture)
                if path in seen:
                    continue
                if path in self._named_twice:
                    seen.add(path)
                yield _with_ending(picture) if name in self._same_names else picture

    def _note(self, source: str, marks: "array[int]") -> bool:
        """Whether an argument names pictures."""
        before = len(marks)
        try:
            for picture in find_pictures(source, leave_out=self._leave_out):
                marks.extend(_marks(picture))
        except InputError as error:
            self.failed.append((source, error))
            del marks[before:]
            return False
        return True

    def _clash(self, names: set[int]) -> str:
        first = [picture for picture in self._all() if _marks(picture)[2] in names]
        same = [str(found.path) for found in first if found.name == first[0].name]
        return (
            f"results of {' and '.join(same[:3])} would have the same names; give the folder "
            "above them, or predict them into different folders with -o"
        )


def find_pictures(source: str, *, leave_out: Path | None = None) -> Iterator[FoundPicture]:
    """Pictures and videos that one argument of the command names.

    Args:
        source: A file; a folder, which is searched all the way down, though not through links to
            folders; a pattern with ``*``, ``?`` or ``[]``, where ``**`` stands for any folders; or
            a list, ``@FILE`` or a ``.txt`` file, see `atrous.runtime.lists`.
        leave_out: A folder that is not searched, such as where results go.

    Yields:
        Pictures in the order of their names, of a list in its order. Trees of folders are kept in
        the names.

    Raises:
        InputError: If nothing is there, or there is no picture in it.
    """
    path = Path(source)
    found = 0
    for picture in _found(source, path, leave_out):
        found += 1
        yield picture
    if found:
        return
    if os.path.isdir(path):
        raise InputError(f"{source}: no pictures in this folder; {_endings()}")
    if glob.has_magic(source) and not os.path.isfile(path):
        raise InputError(f"{source}: no picture fits this pattern; {_endings()}")
    raise InputError(f"{source}: this list names no picture; expected one path a line")


def _found(source: str, path: Path, leave_out: Path | None) -> Iterator[FoundPicture]:
    if os.path.isfile(path):  # unlike pathlib it knows names that are too long
        if path.suffix.lower() == _LIST_SUFFIX:
            return _listed(path)
        return iter([FoundPicture(path, Path(path.stem))])
    if os.path.isdir(path):
        return _below(path, _walk(path, leave_out))
    if source.startswith("@"):
        return _listed(Path(source[1:]))
    if glob.has_magic(source):
        root = _fixed_part(path)
        return _below(root, _matches(root, path.relative_to(root), leave_out))
    raise InputError(f"{source}: no such file or folder")


def _below(root: Path, paths: Iterable[Path]) -> Iterator[FoundPicture]:
    return (FoundPicture(path, path.relative_to(root).with_suffix("")) for path in paths)


def _listed(path: Path) -> Iterator[FoundPicture]:
    for line in paths_in_list(path):
        # The tree is kept as in folders; what leads out of it is left away.
        kept = [part for part in Path(os.path.normpath(line)).parts if part not in _NO_NAMES]
        name = Path(*kept or [path.stem])
        yield FoundPicture(path.parent / line, name.with_suffix(""))


def _walk(folder: Path, leave_out: Path | None) -> Iterator[Path]:
    """Pictures below a folder in the order of their names, one folder in memory at a time."""
    barred = os.path.realpath(leave_out) if leave_out else None
    if os.path.realpath(folder) == barred:
        raise InputError(f"{folder}: results would lie among the pictures; give another folder, -o")
    pending = [folder]
    while pending:
        path = pending.pop()
        if path != folder and not _goes_down(path):
            if _is_picture(path):
                yield path
        elif os.path.realpath(path) != barred:
            pending.extend(sorted(_entries(path), reverse=True))


def _goes_down(path: Path) -> bool:
    # A link to a folder may lead around in a circle.
    return path.is_dir() and not path.is_symlink()


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder}: cannot be searched ({error.strerror})") from None


def _matches(root: Path, pattern: Path, leave_out: Path | None) -> list[Path]:
    """Pictures that fit a pattern; pathlib's ``**`` does not follow links to folders."""
    parts = [part if part == "**" else re.sub(r"\*\*+", "*", part) for part in pattern.parts]
    parts += ["*"] if parts[-1] == "**" else []
    barred = Path(os.path.realpath(leave_out)) if leave_out else None
    if barred and Path(os.path.realpath(root)).is_relative_to(barred):
        barred = None
    return sorted(
        path
        for path in root.glob("/".join(parts))
        if _is_picture(path)
        and not (barred and Path(os.path.realpath(path)).is_relative_to(barred))
    )


def _is_picture(path: Path) -> bool:
    ending = path.suffix.lower()
    return (
        (ending in SUFFIXES or ending in VIDEO_SUFFIXES)
        and not path.name.startswith(".")
        and path.is_file()
    )


def _marks(picture: FoundPicture) -> tuple[int, int, int]:
    """Hashes of where it is, of its results' name, and of that name with the ending."""
    return (
        hash(os.path.abspath(picture.path)),  # no link is looked up, which is slow
        hash(picture.name),
        hash(picture.name.with_name(picture.path.name)),
    )


def _with_ending(picture: FoundPicture) -> FoundPicture:
    return FoundPicture(picture.path, picture.name.with_name(picture.path.name))


def _repeated(values: np.ndarray[tuple[int], np.dtype[np.int64]]) -> set[int]:
    found, counts = np.unique(values, return_counts=True)
    return set(found[counts > 1].tolist())


def _fixed_part(pattern: Path) -> Path:
    """The folders in front of the first part with a wildcard."""
    fixed = Path(pattern.anchor)
    for part in pattern.relative_to(pattern.anchor).parts:
        if glob.has_magic(part):
            break
        fixed /= part
    return fixed


def _endings() -> str:
    return f"endings looked for: {' '.join(sorted(SUFFIXES | VIDEO_SUFFIXES))}"
