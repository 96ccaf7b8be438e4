"""COCO JSON: outlines and run lengths of every picture of a split in one file."""

import re
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from atrous.data.classes import NamedClasses, named_classes
from atrous.data.folders import HASHED_SPLITS, SPLIT_NAMES, in_split, inside, is_inside, plain_name
from atrous.data.layout import Fault, Layout, Listing
from atrous.data.outlines import DrawnLabels, Outline, Shape, coco_counts, ring_of, runs_of
from atrous.data.sample import ImageFile, Pair
from atrous.data.text import read_json
from atrous.errors import DatasetError
from atrous.labels import LabelSet
from atrous.validation import describe_problems

_PLACES = ("annotations/*.json", "*.json", "*/_annotations.coco.json", "*/*.json")
_PEEK_BYTES = 1 << 20
_KEYS = (b'"images"', b'"annotations"', b'"categories"')

Side = Annotated[int, Field(ge=1, le=100_000)]


class _Image(BaseModel):
    id: int | str
    file_name: str
    width: Side
    height: Side


class _Category(BaseModel):
    id: int
    name: str


class _Annotation(BaseModel):
    image_id: int | str
    category_id: int
    segmentation: list[list[float]] | dict[str, Any] | None = None


class _Content(BaseModel):
    """The keys that are read; COCO files have others."""

    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category] = Field(min_length=1)


def find(root: Path) -> str | None:
    """A JSON file with images, annotations and categories."""
    files = _files(root)
    if not files:
        return None
    return f"{next(iter(files.values())).relative_to(root).as_posix()} holds annotations of COCO"


def splits(root: Path) -> tuple[str, ...]:
    """Names of the files without what they share; a hash of the names where there is one file."""
    files = _files(root)
    return tuple(files) if _named(files) else HASHED_SPLITS


def listing(root: Path, split: str) -> Listing:
    """Pictures that the file names, with their outlines; a picture without any is background."""
    files = _files(root)
    path = _file(files, split, root)
    content = _read(path)
    classes = _classes(root, content, path)
    shapes: dict[int | str, list[Shape]] = defaultdict(list)
    names = {category.id: category.name for category in content.categories}
    sizes = {image.id: (image.height, image.width) for image in content.images}
    for annotation in content.annotations:
        if annotation.image_id not in sizes or annotation.category_id not in names:
            raise DatasetError(
                f"{path}: an annotation names picture {annotation.image_id} and category "
                f"{annotation.category_id}, and the file does not list both"
            )
        index = classes.index_of(names[annotation.category_id], path)
        size = sizes[annotation.image_id]
        shapes[annotation.image_id].append(_shape(annotation, index, size, path))
    pairs, faults = [], []
    folders = _picture_folders(root, path, split)
    for image in content.images:
        picture = _picture(folders, image.file_name, root, path)
        if picture is None:
            message = f"{path}: names {image.file_name!r}, and there is no such picture"
            faults.append(Fault("no picture", path, message))
            continue
        drawn = tuple(shapes[image.id])
        labels = DrawnLabels(path, drawn, classes.background, sizes[image.id])
        pairs.append(Pair(plain_name(image.file_name), ImageFile(picture), labels))
    whole = Listing(tuple(pairs), tuple(faults))
    return whole if _named(files) else in_split(whole, split)


def label_set(root: Path, split: str) -> LabelSet:
    """Classes of ``dataset.toml``, else background and the categories by their ids."""
    path = _file(_files(root), split, root)
    return _classes(root, _read(path), path).label_set


def _files(root: Path) -> dict[str, Path]:
    """The file of each split."""
    for place in _PLACES:
        paths = [path for path in sorted(root.glob(place)) if _is_coco(path, root)]
        instances = [path for path in paths if path.stem.startswith("instances_")]
        if paths:
            return _by_split(instances or paths)
    return {}


def _by_split(paths: list[Path]) -> dict[str, Path]:
    full = {_split_name(path): path for path in paths}
    short = {re.sub(r"_?20\d\d$", "", name): path for name, path in full.items()}
    return short if len(short) == len(full) else full


def _split_name(path: Path) -> str:
    name = path.name.removesuffix(".json").removesuffix(".coco").strip("_")
    name = re.sub(r"^(instances|stuff|annotations)_", "", name)
    return path.parent.name if name == "annotations" and path.name.startswith("_") else name


def _is_coco(path: Path, root: Path) -> bool:
    if path.name.startswith(".") or not path.is_file() or not is_inside(path, root):
        return False
    try:
        with path.open("rb") as file:
            ends = file.read(_PEEK_BYTES)
            file.seek(max(0, path.stat().st_size - _PEEK_BYTES))
            ends += file.read(_PEEK_BYTES)
    except OSError:
        return False
    return _KEYS[0] in ends and _KEYS[2] in ends


def _named(files: dict[str, Path]) -> bool:
    """Whether the names of the files are those of splits; a tool calls its only file anything."""
    return len(files) > 1 or any(name in SPLIT_NAMES for name in files)


def _file(files: dict[str, Path], split: str, root: Path) -> Path:
    if not files:
        raise DatasetError(f"{root}: holds no JSON file of COCO")
    return files[split] if _named(files) else next(iter(files.values()))


def _read(path: Path) -> _Content:
    try:
        return _Content.model_validate(read_json(path))
    except ValidationError as error:
        raise DatasetError(f"{path}: {describe_problems(error, _Content)}") from None


def _classes(root: Path, content: _Content, path: Path) -> NamedClasses:
    ordered = sorted(content.categories, key=lambda category: category.id)
    return named_classes(root, [category.name for category in ordered], path)


def _shape(annotation: _Annotation, index: int, size: tuple[int, int], path: Path) -> Shape:
    where = f"{path}: an annotation of picture {annotation.image_id}"
    said = annotation.segmentation
    if not said:
        raise DatasetError(f"{where}: has no segmentation, only a box")
    if isinstance(said, list):
        rings = (np.reshape(ring[: len(ring) // 2 * 2], (-1, 2)) for ring in said)
        return Outline(index, tuple(ring_of(ring, where) for ring in rings))
    counts = said.get("counts")
    if isinstance(counts, str):
        counts = coco_counts(counts, where)
    if said.get("size") != list(size) or not isinstance(counts, list):
        raise DatasetError(f"{where}: its run lengths are not of the picture's size")
    return runs_of(index, counts, box=(0, 0, *size), by_columns=True, where=where)


def _picture_folders(root: Path, path: Path, split: str) -> list[Path]:
    there = [path.parent, root, root / "images", root / split, root / "images" / split]
    for year in ("2014", "2017"):
        there += [root / f"{split}{year}", root / "images" / f"{split}{year}"]
    # The deepest first: a name in a split's own folder is meant before one in a common folder.
    return [folder for folder in reversed(there) if folder.is_dir()]


def _picture(folders: list[Path], name: str, root: Path, path: Path) -> Path | None:
    for folder in folders:
        named = (folder.relative_to(root) / name.replace("\\", "/")).as_posix()
        picture = inside(root, named, by=path)
        if picture.is_file():
            return picture
    return None


LAYOUT = Layout(
    looks="a JSON file by COCO (images, annotations, categories) for each split",
    find=find,
    splits=splits,
    listing=listing,
    label_set=label_set,
)
