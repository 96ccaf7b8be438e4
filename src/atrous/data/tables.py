"""Lists of pairs: PaddleSeg's text files, CSV and JSON Lines."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TypeAlias

from atrous.data.counting import count_classes
from atrous.data.description import Description, read_description
from atrous.data.folders import HASHED_SPLITS, in_split, inside, plain_name
from atrous.data.layout import Fault, Layout, Listing
from atrous.data.sample import ImageFile, LabelFile, Pair
from atrous.data.text import parse_json, read_head, read_lines, read_text
from atrous.errors import DatasetError
from atrous.imaging import SUFFIXES
from atrous.labels import LabelSet

Row: TypeAlias = tuple[str, str, str]
"""Picture, labels and split; the split is empty where the list does not say."""
Reader: TypeAlias = Callable[[Path], Iterator[Row]]

_SPLITS = ("train", "val", "valid", "test")
_IMAGE_KEYS = ("image", "image_path", "img", "picture")
_LABEL_KEYS = ("mask", "label", "labels", "mask_path", "label_path", "annotation")
_HEAD_BYTES = 1 << 16


def _find(root: Path, *, read: Reader, ending: str) -> str | None:
    files = _files(root, read, ending)
    if not files:
        return None
    names = ", ".join(path.name for path in files[:3])
    return f"{names} {'lists' if len(files) == 1 else 'list'} pictures with their labels"


def _splits(root: Path, *, read: Reader, ending: str) -> tuple[str, ...]:
    files = _files(root, read, ending)
    named = {row[2] for path in files for row in _rows(path, read)}
    return tuple(sorted(named)) if named and "" not in named else HASHED_SPLITS


def _listing(root: Path, split: str, *, read: Reader, ending: str) -> Listing:
    description = read_description(root)
    files = _files(root, read, ending)
    rows = [(path, row) for path in files for row in _rows(path, read)]
    by_split = all(row[2] for _, row in rows)
    pairs, faults = [], []
    for path, row in rows:
        if by_split and row[2] != split:
            continue
        pair = _pair(root, path, row, description)
        if isinstance(pair, Fault):
            faults.append(pair)
        else:
            pairs.append(pair)
    whole = Listing(tuple(pairs), tuple(faults))
    return whole if by_split else in_split(whole, split)


def _label_set(root: Path, split: str, *, read: Reader, ending: str) -> LabelSet:
    described = read_description(root).label_set
    if described:
        return described
    training = "train" if "train" in _splits(root, read=read, ending=ending) else split
    return count_classes(_listing(root, training, read=read, ending=ending), root)


def _files(root: Path, read: Reader, ending: str) -> list[Path]:
    return [path for path in sorted(root.glob(f"[!.]*{ending}")) if _is_list(path, read)]


def _is_list(path: Path, read: Reader) -> bool:
    try:
        read_head(path, _HEAD_BYTES)
        return next(read(path), None) is not None
    except DatasetError:
        return False


def _rows(path: Path, read: Reader) -> Iterator[Row]:
    """The rows of a list; where they name no split, the file's own name may be one."""
    named = path.stem if path.stem in _SPLITS else ""
    for image, labels, split in read(path):
        yield image, labels, split or named


def _pair(root: Path, path: Path, row: Row, description: Description) -> Pair | Fault:
    image, labels = (inside(root, text, by=path) for text in row[:2])
    for kind, file in (("no picture", image), ("no labels", labels)):
        if not file.is_file():
            message = f"{path}: names {file.relative_to(root)}, and there is no such file"
            return Fault("no picture" if kind == "no picture" else "no labels", path, message)
    source = LabelFile(labels, values=description.values, colors=description.colors)
    return Pair(plain_name(row[0]), ImageFile(image), source)


def _read_paddle(path: Path) -> Iterator[Row]:
    """Lines of a picture and its labels, with a tab, or else a blank, between them."""
    if path.stem not in _SPLITS:
        return
    for line in read_lines(path):
        parts = line.split("\t") if "\t" in line else line.split()
        if len(parts) != 2 or Path(parts[1]).suffix.lower() not in SUFFIXES:
            raise DatasetError(f"{path}: expected a picture and its labels, not {line[:60]!r}")
        yield parts[0], parts[1], ""


def _read_csv(path: Path) -> Iterator[Row]:
    """Columns ``image``, ``mask`` and, where there is one, ``split``."""
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
    try:
        for row in reader:
            yield _row(row, f"{path}: line {reader.line_num}")
    except csv.Error as error:
        raise DatasetError(f"{path}: not CSV: {error}") from None


def _read_json_lines(path: Path) -> Iterator[Row]:
    """Objects with ``image``, ``mask`` and, where there is one, ``split``."""
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if line.strip():
            where = f"{path}: line {number}"
            content = parse_json(line, where)
            if not isinstance(content, dict):
                raise DatasetError(f"{where}: expected an object with image and mask")
            yield _row(content, where)


def _row(columns: Mapping[str, object], where: str) -> Row:
    image, labels = (_cell(columns, keys) for keys in (_IMAGE_KEYS, _LABEL_KEYS))
    if not image or not labels:
        raise DatasetError(
            f"{where}: expected columns image and mask, not {', '.join(map(str, columns))}"
        )
    return image, labels, _cell(columns, ("split",)) or ""


def _cell(columns: Mapping[str, object], keys: Iterable[str]) -> str | None:
    for key in keys:
        value = columns.get(key)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return None


def _layout(looks: str, read: Reader, ending: str) -> Layout:
    return Layout(
        looks=looks,
        find=partial(_find, read=read, ending=ending),
        splits=partial(_splits, read=read, ending=ending),
        listing=partial(_listing, read=read, ending=ending),
        label_set=partial(_label_set, read=read, ending=ending),
    )


PADDLESEG = _layout("train.txt with lines of a picture and its labels", _read_paddle, ".txt")
CSV = _layout("a CSV file with columns image, mask and perhaps split", _read_csv, ".csv")
JSON_LINES = _layout(
    "a .jsonl file of objects with image, mask and perhaps split", _read_json_lines, ".jsonl"
)
