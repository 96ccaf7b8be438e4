"""Outlines by labelme: one JSON file for each picture, beside it."""

import base64
import binascii
import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from atrous.data.classes import NamedClasses, named_classes
from atrous.data.description import names_classes
from atrous.data.folders import HASHED_SPLITS, SPLIT_NAMES, find_files, in_split, inside
from atrous.data.layout import Fault, Layout, Listing
from atrous.data.outlines import DrawnLabels, Outline, Ring, Runs, Shape, ring_of, runs_of
from atrous.data.sample import ImageFile, Pair
from atrous.data.text import read_bytes, read_json
from atrous.errors import DatasetError
from atrous.imaging import LabelMap, read_raw_labels

_MAX_BYTES = 256 << 20
_CIRCLE_CORNERS = 64
_LOOKED_AT = 20
"""Files in which shapes are looked for before a folder is taken for another layout."""


@dataclass(frozen=True)
class LabelmeFile:
    """The labels of one picture."""

    path: Path
    classes: NamedClasses

    def read(self, size: tuple[int, int]) -> LabelMap:
        """(H, W) class indices, later shapes over earlier ones.

        Raises:
            DatasetError: If the file is damaged, of another size, or names an unknown class.
        """
        content = _read(self.path)
        shapes = tuple(_shape(shape, self.classes, self.path) for shape in content["shapes"])
        height, width = content.get("imageHeight"), content.get("imageWidth")
        stated = (height, width) if isinstance(height, int) and isinstance(width, int) else None
        return DrawnLabels(self.path, shapes, self.classes.background, stated).read(size)


def find(root: Path) -> str | None:
    """A JSON file that lists shapes beside a picture."""
    for folder in (root, *(root / split for split in SPLIT_NAMES), root / "images"):
        for path in islice(_json_in(folder), _LOOKED_AT):
            if _is_labelme(path):
                return f"{path.relative_to(root).as_posix()} lists shapes"
    return None


def splits(root: Path) -> tuple[str, ...]:
    """Folders train and val that hold JSON files; by a hash of the names where there are none."""
    there = tuple(split for split in SPLIT_NAMES if next(_json_in(root / split), None))
    return there or HASHED_SPLITS


def listing(root: Path, split: str) -> Listing:
    """Pictures with the JSON files of their names, or that name them."""
    classes = _classes(root)
    if (root / split).is_dir() and split in splits(root):
        return _listing(root / split, root, classes)
    return in_split(_listing(root, root, classes), split)


def label_set(root: Path, split: str) -> Any:  # noqa: ARG001, the same for every split
    """Classes of ``dataset.toml`` or ``labels.txt``, else background and the names in use."""
    return _classes(root).label_set


def _json_in(folder: Path) -> Iterator[Path]:
    paths = sorted(folder.rglob("[!.]*.json")) if folder.is_dir() else []
    return (path for path in paths if not path.name.startswith("."))


def _is_labelme(path: Path) -> bool:
    try:
        # The picture itself may stand in the file, before or behind the keys looked for.
        content = read_bytes(path, _MAX_BYTES)
    except DatasetError:
        return False
    return b'"shapes"' in content and b'"imagePath"' in content


def _read(path: Path) -> dict[str, Any]:
    content = read_json(path, _MAX_BYTES)
    shapes = content.get("shapes") if isinstance(content, dict) else None
    if not isinstance(shapes, list) or not all(isinstance(shape, dict) for shape in shapes):
        raise DatasetError(f"{path}: not a file of labelme: it has no list of shapes; move it away")
    return content


def _classes(root: Path) -> NamedClasses:
    found: set[str] = set()
    if not names_classes(root):
        for path in _json_in(root):
            found |= {str(shape.get("label")) for shape in _read(path)["shapes"]}
    return named_classes(root, sorted(found), root)


def _listing(folder: Path, root: Path, classes: NamedClasses) -> Listing:
    pictures, files = find_files(folder, root), find_files(folder, root, suffixes=[".json"])
    faults = [*pictures.faults, *files.faults]
    pairs, left = [], dict(pictures.files)
    for name, path in files.files.items():
        picture = left.pop(name, None) or _named_picture(path, root)
        if picture:
            left = {other: file for other, file in left.items() if file != picture}
            pairs.append(Pair(name, ImageFile(picture), LabelmeFile(path, classes)))
        else:
            faults.append(Fault("no picture", path, f"{path}: its picture is not there"))
    faults += [
        Fault("no labels", path, f"{path}: has no JSON file; outline it, or move it away")
        for path in left.values()
    ]
    return Listing(tuple(pairs), tuple(faults))


def _named_picture(path: Path, root: Path) -> Path | None:
    named = _read(path).get("imagePath")
    if not isinstance(named, str):
        return None
    relative = path.parent.relative_to(root) / named.replace("\\", "/")
    picture = inside(root, relative.as_posix(), by=path)
    return picture if picture.is_file() else None


def _shape(shape: dict[str, Any], classes: NamedClasses, path: Path) -> Shape:
    label, kind = str(shape.get("label")), shape.get("shape_type") or "polygon"
    where = f"{path}: shape {label!r}"
    index = classes.index_of(label, path)
    points = shape.get("points")
    if kind == "polygon":
        return Outline(index, (ring_of(points or (), where),))
    if kind in {"rectangle", "circle", "mask"}:
        corners = _two_points(points, where)
        if kind == "mask":
            return _mask(shape, index, corners, where)
        return Outline(index, (_rectangle(corners) if kind == "rectangle" else _circle(corners),))
    raise DatasetError(f"{where}: is a {kind}, which covers no area; draw a polygon instead")


def _two_points(points: Any, where: str) -> Ring:
    ring = ring_of([*points, points[-1]] if isinstance(points, list) and points else (), where)
    return ring[:2]


def _rectangle(corners: Ring) -> Ring:
    (x0, y0), (x1, y1) = corners
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])


def _circle(points: Ring) -> Ring:
    """The first point is the centre, the second is on the line."""
    radius = float(np.hypot(*(points[1] - points[0])))
    angles = np.linspace(0, 2 * math.pi, _CIRCLE_CORNERS, endpoint=False)
    return points[0] + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def _mask(shape: dict[str, Any], index: int, corners: Ring, where: str) -> Runs:
    """A PNG in base64, laid with its corner on the first point."""
    try:
        content = base64.b64decode(str(shape.get("mask")), validate=True)
    except (binascii.Error, ValueError):
        raise DatasetError(f"{where}: its mask is not base64") from None
    mask = read_raw_labels(io.BytesIO(content), name=where)
    if mask.ndim != 2:
        raise DatasetError(f"{where}: its mask holds colours")
    covered = (mask > 0).ravel()
    changes = np.flatnonzero(np.diff(covered, prepend=False, append=not covered[-1]))
    counts = np.diff(changes, prepend=0)
    left, top = (int(value) for value in np.floor(corners[0]))
    box = (top, left, *mask.shape)
    return runs_of(index, counts.tolist(), box=box, by_columns=False, where=where)


LAYOUT = Layout(
    looks="pictures with JSON files of labelme beside them, also in folders train and val",
    find=find,
    splits=splits,
    listing=listing,
    label_set=label_set,
)
