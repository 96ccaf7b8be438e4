"""Datasets of Hugging Face's library, saved to disk; needs ``datasets``."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from atrous.bands import RGB8, PixelKind, read_pixels
from atrous.data.counting import count_classes
from atrous.data.description import label_set_of, read_description
from atrous.data.folders import HASHED_SPLITS, in_split, inside
from atrous.data.layout import Layout, Listing
from atrous.data.sample import Pair, to_indices
from atrous.data.text import read_json
from atrous.errors import DatasetError, DependencyError
from atrous.imaging import LabelMap, Pixels, read_raw_labels
from atrous.labels import Color, LabelSet

_MAX_BYTES = 16 << 20
_SPLITS_FILE, _STATE_FILE, _NAMES_FILE = "dataset_dict.json", "state.json", "id2label.json"
_IMAGE_COLUMNS = ("image", "pixel_values", "img", "picture")
_LABEL_COLUMNS = ("annotation", "label", "labels", "mask", "semantic_mask", "seg", "segmentation")


@dataclass(frozen=True)
class Cell:
    """The bytes of a picture in a table."""

    rows: Any
    folder: Path
    index: int
    column: str

    @property
    def path(self) -> Path:
        """The folder of the table, the row and the column."""
        return self.folder / f"{self.index}.{self.column}"

    def open(self) -> io.BytesIO:
        """Its bytes, in memory.

        Raises:
            DatasetError: If the table has a path in their place, or is damaged.
        """
        try:
            content = self.rows[self.index][self.column]["bytes"]
        except Exception as error:  # the library raises what its parts happen to
            raise DatasetError(f"{self.path}: cannot be read ({error})") from None
        if not isinstance(content, bytes):
            raise DatasetError(
                f"{self.path}: holds no picture but its path; save the dataset with its pictures "
                "in it (save_to_disk of Image columns does so)"
            )
        return io.BytesIO(content)


@dataclass(frozen=True)
class CellImage:
    """A picture in a table."""

    cell: Cell

    @property
    def path(self) -> Path:
        """Where it is, for messages."""
        return self.cell.path

    def read(self, kind: PixelKind | None = RGB8) -> Pixels:
        """The picture as upright (H, W, C)."""
        return read_pixels(self.open(), kind, name=str(self.path)).pixels

    def open(self) -> io.BytesIO:
        """Its bytes, in memory."""
        return self.cell.open()


@dataclass(frozen=True)
class CellLabels:
    """A label map in a table."""

    cell: Cell
    values: Mapping[int, int]
    colors: Mapping[Color, int]

    @property
    def path(self) -> Path:
        """Where it is, for messages."""
        return self.cell.path

    def read(self, size: tuple[int, int]) -> LabelMap:  # noqa: ARG002, a map has its own size
        """(H, W) class indices, mapped."""
        raw = read_raw_labels(self.cell.open(), name=str(self.path))
        return to_indices(raw, self.path, values=self.values, colors=self.colors)


def find(root: Path) -> str | None:
    """What ``save_to_disk`` writes beside its tables."""
    if (root / _SPLITS_FILE).is_file():
        return f"{_SPLITS_FILE} of a saved dataset"
    there = (root / _STATE_FILE).is_file() and (root / "dataset_info.json").is_file()
    return f"{_STATE_FILE} of a saved dataset" if there else None


def splits(root: Path) -> tuple[str, ...]:
    """Those that were saved; by a hash of the row numbers where there is one table."""
    path = root / _SPLITS_FILE
    if not path.is_file():
        return HASHED_SPLITS
    content = read_json(path, _MAX_BYTES)
    names = content.get("splits") if isinstance(content, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DatasetError(f"{path}: expected a list of splits")
    return tuple(names)


def listing(root: Path, split: str) -> Listing:
    """A pair for each row."""
    whole = (root / _SPLITS_FILE).is_file()
    folder = inside(root, split, by=root / _SPLITS_FILE) if whole else root
    rows = _load(folder, root)
    images = _column(rows.column_names, _IMAGE_COLUMNS, folder)
    labels = _column(rows.column_names, _LABEL_COLUMNS, folder)
    rows = _undecoded(rows, (images, labels), folder)
    said = read_description(root)
    pairs = tuple(
        Pair(
            f"{index:06d}",
            CellImage(Cell(rows, folder, index, images)),
            CellLabels(Cell(rows, folder, index, labels), said.values, said.colors),
        )
        for index in range(len(rows))
    )
    return Listing(pairs) if whole else in_split(Listing(pairs), split)


def label_set(root: Path, split: str) -> LabelSet:
    """Of ``dataset.toml`` or ``id2label.json``; else numbered by the training labels."""
    path = root / _NAMES_FILE
    known = _names(path) if path.is_file() else None
    described = read_description(root, known=known).label_set
    if described:
        return described
    training = "train" if "train" in splits(root) else split
    return count_classes(listing(root, training), root)


def _load(folder: Path, root: Path) -> Any:
    state = read_json(folder / _STATE_FILE, _MAX_BYTES)
    files = state.get("_data_files", ()) if isinstance(state, dict) else ()
    for file in files if isinstance(files, list) else ():
        named = str(file.get("filename")) if isinstance(file, dict) else ""
        inside(root, (folder.relative_to(root) / named).as_posix(), by=folder / _STATE_FILE)
    try:
        import datasets  # noqa: PLC0415, an extra
    except ImportError:
        raise DependencyError(
            f"{root}: a dataset of Hugging Face needs its package; pip install 'atrous[hub]'"
        ) from None
    try:
        rows = datasets.load_from_disk(str(folder), keep_in_memory=False)
    except Exception as error:  # the library raises what its parts happen to
        raise DatasetError(f"{folder}: cannot be read ({error})") from None
    if not isinstance(rows, datasets.Dataset):
        raise DatasetError(f"{folder}: holds several tables, expected one")
    return rows


def _undecoded(rows: Any, columns: tuple[str, str], folder: Path) -> Any:
    """The table with the bytes of its pictures, which are decoded here and nowhere else."""
    import datasets  # noqa: PLC0415, an extra

    for column in columns:
        if not isinstance(rows.features[column], datasets.Image):
            raise DatasetError(f"{folder}: column {column!r} holds no pictures")
        rows = rows.cast_column(column, datasets.Image(decode=False))
    return rows.with_format(None)


def _column(there: list[str], known: tuple[str, ...], folder: Path) -> str:
    for name in known:
        if name in there:
            return name
    raise DatasetError(
        f"{folder}: has columns {', '.join(there)}; expected one of {', '.join(known)}"
    )


def _names(path: Path) -> LabelSet:
    content = read_json(path, _MAX_BYTES)
    names = content if isinstance(content, dict) else {}
    keys = [str(index) for index in range(len(names))]
    if not names or set(names) != set(keys):
        raise DatasetError(f"{path}: expected names by their numbers, from 0 without a gap")
    return label_set_of([str(names[key]) for key in keys], path)


LAYOUT = Layout(
    looks="a dataset of Hugging Face that save_to_disk wrote",
    find=find,
    splits=splits,
    listing=listing,
    label_set=label_set,
)
