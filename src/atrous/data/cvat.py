"""Outlines by CVAT, exported as "CVAT for images 1.1": one XML file for all pictures."""

import math
import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from atrous.data.classes import NamedClasses, named_classes
from atrous.data.folders import HASHED_SPLITS, SPLIT_NAMES, in_split, inside, plain_name
from atrous.data.layout import Fault, Layout, Listing
from atrous.data.outlines import DrawnLabels, Outline, Ring, Shape, ring_of, runs_of
from atrous.data.sample import ImageFile, Pair
from atrous.data.text import as_number, read_head, read_xml
from atrous.errors import DatasetError
from atrous.labels import LabelSet

_NO_SHAPES = {"tag"}
_ELLIPSE_CORNERS = 64


def find(root: Path) -> str | None:
    """An XML file whose root is ``annotations``, with a version."""
    path = _file(root)
    return f"{path.name} holds annotations of CVAT" if path else None


def splits(root: Path) -> tuple[str, ...]:
    """The subsets of the task, in small letters; else train and val by a hash of the names."""
    path = _file(root)
    images = list(read_xml(path).iter("image")) if path else []
    named = {_subset(image) for image in images}
    return tuple(sorted(named)) if _are_splits(named) else HASHED_SPLITS


def listing(root: Path, split: str) -> Listing:
    """Pictures that the file names, with their outlines."""
    path, content, classes = _open(root)
    images = list(content.iter("image"))
    by_subset = _are_splits({_subset(image) for image in images})
    wanted = [image for image in images if not by_subset or _subset(image) == split]
    pairs, faults = [], []
    for image in wanted:
        name = image.get("name", "")
        picture = _picture(root, name, path)
        if picture is None:
            message = f"{path}: names {name!r}, and there is no such picture below {root}"
            faults.append(Fault("no picture", path, message))
        else:
            labels = _labels(image, classes, path)
            pairs.append(Pair(plain_name(name), ImageFile(picture), labels))
    whole = Listing(tuple(pairs), tuple(faults))
    return whole if by_subset else in_split(whole, split)


def label_set(root: Path, split: str) -> LabelSet:  # noqa: ARG001, the same for every split
    """Classes of ``dataset.toml``, else background and the labels that the file declares."""
    return _open(root)[2].label_set


def _file(root: Path) -> Path | None:
    for path in sorted((*root.glob("*.xml"), *root.glob("annotations/*.xml"))):
        if path.name.startswith("."):
            continue
        try:
            head = read_head(path, 4096)
        except DatasetError:
            continue
        if b"<annotations>" in head and b"<version>" in head:
            return path
    return None


def _open(root: Path) -> tuple[Path, Element, NamedClasses]:
    path = _file(root)
    if path is None:
        raise DatasetError(f"{root}: holds no XML file of CVAT")
    content = read_xml(path)
    declared = [name.text or "" for name in content.findall("meta//labels/label/name")]
    used = [shape.get("label", "") for image in content.iter("image") for shape in image]
    return path, content, named_classes(root, list(dict.fromkeys(declared or sorted(used))), path)


def _are_splits(subsets: set[str]) -> bool:
    """Whether subsets part the pictures; a task without any has one of any name, or none."""
    several = len(subsets) > 1 and "" not in subsets
    return several or any(name in SPLIT_NAMES for name in subsets)


def _subset(image: Element) -> str:
    return image.get("subset", "").lower()


def _picture(root: Path, name: str, path: Path) -> Path | None:
    subset_free = Path(name).name
    for named in (f"images/{name}", name, f"images/{subset_free}"):
        picture = inside(root, named, by=path)
        if name and picture.is_file():
            return picture
    return None


def _labels(image: Element, classes: NamedClasses, path: Path) -> DrawnLabels:
    where = f"{path}: picture {image.get('name')!r}"
    ordered = sorted(
        (shape for shape in image if shape.tag not in _NO_SHAPES),
        key=lambda shape: as_number(shape.get("z_order", "0"), where),
    )
    shapes = tuple(
        _shape(shape, classes.index_of(shape.get("label", ""), path), where) for shape in ordered
    )
    height, width = (int(as_number(image.get(side), where)) for side in ("height", "width"))
    return DrawnLabels(path, shapes, classes.background, (height, width))


def _shape(shape: Element, index: int, where: str) -> Shape:
    if shape.tag == "polygon":
        return Outline(index, (_points(shape.get("points", ""), where),))
    if shape.tag == "box":
        left, top, right, bottom = _numbers(shape, ("xtl", "ytl", "xbr", "ybr"), where)
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        return Outline(index, (_turned(ring_of(corners, where), shape, where),))
    if shape.tag == "ellipse":
        x, y, rx, ry = _numbers(shape, ("cx", "cy", "rx", "ry"), where)
        angles = np.linspace(0, 2 * math.pi, _ELLIPSE_CORNERS, endpoint=False)
        ring = np.stack([x + rx * np.cos(angles), y + ry * np.sin(angles)], axis=1)
        return Outline(index, (_turned(ring_of(ring, where), shape, where),))
    if shape.tag == "mask":
        left, top, width, height = _numbers(shape, ("left", "top", "width", "height"), where)
        box = (int(top), int(left), int(height), int(width))
        counts = _integers(shape.get("rle", ""), where)
        return runs_of(index, counts, box=box, by_columns=False, where=where)
    raise DatasetError(f"{where}: has a {shape.tag}, which covers no area; draw a polygon instead")


def _numbers(shape: Element, names: Iterable[str], where: str) -> list[float]:
    return [as_number(shape.get(name), f"{where}: {name} of a {shape.tag}") for name in names]


def _integers(text: str, where: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"\d{1,9}", part) for part in parts):
        raise DatasetError(f"{where}: has a mask whose run lengths are damaged")
    return [int(part) for part in parts]


def _points(text: str, where: str) -> Ring:
    """Corners from ``x,y;x,y``."""
    points = [
        [as_number(value, where) for value in point.split(",")]
        for point in text.split(";")
        if point.strip()
    ]
    return ring_of(points, where)


def _turned(ring: Ring, shape: Element, where: str) -> Ring:
    """The corners turned clockwise around their centre by the shape's ``rotation``, degrees."""
    angle = math.radians(as_number(shape.get("rotation", "0"), where))
    centre = ring.mean(axis=0)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return centre + (ring - centre) @ turn


LAYOUT = Layout(
    looks="an XML file by CVAT (for images 1.1) beside pictures or a folder images",
    find=find,
    splits=splits,
    listing=listing,
    label_set=label_set,
)
