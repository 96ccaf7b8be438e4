"""YOLO's outlines: a text file for each picture, and ``data.yaml`` with the names."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from atrous.data.classes import NamedClasses, named_classes
from atrous.data.folders import Found, find_files, inside, is_inside, match
from atrous.data.layout import Layout, Listing
from atrous.data.outlines import DrawnLabels, Outline, ring_of
from atrous.data.plain_yaml import Value, read_plain_yaml
from atrous.data.text import as_number, read_lines
from atrous.errors import DatasetError
from atrous.imaging import LabelMap
from atrous.labels import LabelSet

_FILES = ("data.yaml", "dataset.yaml", "data.yml", "dataset.yml")
_SPLITS = ("train", "val", "valid", "test")


@dataclass(frozen=True)
class YoloFile:
    """The labels of one picture: lines of a class number and corners in parts of the size."""

    path: Path
    names: tuple[str, ...]
    classes: NamedClasses

    def read(self, size: tuple[int, int]) -> LabelMap:
        """(H, W) class indices, later lines over earlier ones.

        Raises:
            DatasetError: If a line is no outline, or its class has no name.
        """
        shapes = tuple(self._outline(line, size) for line in read_lines(self.path))
        return DrawnLabels(self.path, shapes, self.classes.background).read(size)

    def _outline(self, line: str, size: tuple[int, int]) -> Outline:
        number, *corners = (as_number(value, str(self.path)) for value in line.split())
        if len(corners) == 4:
            raise DatasetError(f"{self.path}: holds a box, not an outline: {line[:60]!r}")
        if number not in range(len(self.names)):
            raise DatasetError(
                f"{self.path}: class {number:g} has no name; expected 0 to {len(self.names) - 1}"
            )
        if len(corners) % 2:
            raise DatasetError(f"{self.path}: a point has one number: {line[:60]!r}")
        ring = np.reshape(corners, (-1, 2)) * (size[1], size[0])
        index = self.classes.index_of(self.names[int(number)], self.path)
        return Outline(index, (ring_of(ring, str(self.path)),))


def find(root: Path) -> str | None:
    """``data.yaml`` with names, and text files in a folder labels."""
    path = _file(root)
    if path is None or next(root.glob("**/labels/**/*.txt"), None) is None:
        return None
    return f"{path.name} beside text files in folders labels"


def splits(root: Path) -> tuple[str, ...]:
    """Those that ``data.yaml`` names."""
    said = _read(root)[1]
    return tuple(split for split in _SPLITS if said.get(split))


def listing(root: Path, split: str) -> Listing:
    """Pictures with the text files of their names; an empty one says that nothing is shown."""
    path, said = _read(root)
    folder = said.get(split)
    if not isinstance(folder, str):
        raise DatasetError(f"{path}: {split} must name one folder of pictures")
    images = _folder(root, said, folder, path)
    labels = _labels_beside(images, root, path)
    names = _names(said, path)
    source = partial(YoloFile, names=names, classes=named_classes(root, names, path))
    found = find_files(labels, root, suffixes=[".txt"]) if labels.is_dir() else Found()
    return match(find_files(images, root), found, source=source, where=str(labels))


def label_set(root: Path, split: str) -> LabelSet:  # noqa: ARG001, the same for every split
    """Classes of ``dataset.toml``, else background and the names of ``data.yaml``."""
    path, said = _read(root)
    return named_classes(root, _names(said, path), path).label_set


def _file(root: Path) -> Path | None:
    return next((root / name for name in _FILES if (root / name).is_file()), None)


def _read(root: Path) -> tuple[Path, Mapping[str, Value]]:
    path = _file(root)
    if path is None:
        raise DatasetError(f"{root}: holds no data.yaml")
    return path, read_plain_yaml(path)


def _names(said: Mapping[str, Value], path: Path) -> tuple[str, ...]:
    names = said.get("names")
    if isinstance(names, dict):
        if list(names) != [str(index) for index in range(len(names))]:
            raise DatasetError(f"{path}: names must be numbered from 0 without a gap")
        return tuple(names.values())
    if isinstance(names, list):
        return tuple(names)
    raise DatasetError(f"{path}: names no classes (names)")


def _folder(root: Path, said: Mapping[str, Value], named: str, path: Path) -> Path:
    """Where the pictures are.

    ``path`` is left out where it leads nowhere here, as the one of another machine does, and so is
    a first ``..``, that exports by Roboflow have.
    """
    base = said.get("path")
    tries = [f"{base}/{named}"] if isinstance(base, str) and not Path(base).is_absolute() else []
    tries += [named.removeprefix("../"), named.removeprefix("./")]
    for folder in (root / text for text in tries):
        if is_inside(folder, root) and folder.is_dir():
            return folder
    raise DatasetError(f"{path}: names the folder {named!r}, which is not below {root}")


def _labels_beside(images: Path, root: Path, path: Path) -> Path:
    """The same path with ``labels`` for the last ``images``."""
    parts = list(images.relative_to(root).parts)
    if "images" not in parts:
        return images
    last = len(parts) - 1 - parts[::-1].index("images")
    parts[last] = "labels"
    return inside(root, "/".join(parts), by=path)


LAYOUT = Layout(
    looks="data.yaml, and text files of outlines in labels/train beside images/train",
    find=find,
    splits=splits,
    listing=listing,
    label_set=label_set,
)
