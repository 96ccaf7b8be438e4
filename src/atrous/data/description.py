"""``dataset.toml``: what the labels of a folder mean, said by the user."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from atrous.data.text import read_lines, read_text
from atrous.errors import ConfigError, DatasetError
from atrous.labels import Color, LabelSet, as_palette, distinct_palette
from atrous.validation import describe_problems

DATASET_FILE = "dataset.toml"
NAME_LISTS = ("class_names.txt", "classes.txt", "labels.txt")
"""Lists of class names that are read where there is no ``dataset.toml``."""
IGNORE = "ignore"
"""What ``label_map`` may say in place of a class."""
_LARGEST = 65_535
_MAX_BYTES = 1 << 20


class _Content(BaseModel):
    """The keys that ``dataset.toml`` may have."""

    model_config = ConfigDict(extra="forbid", strict=True)

    names: list[str] | None = Field(default=None, min_length=1)
    ignore: int = 255
    palette: list[Annotated[list[int], Field(min_length=3, max_length=3)]] | None = None
    label_map: dict[str, int | str] = Field(default_factory=dict)


@dataclass(frozen=True)
class Description:
    """What ``dataset.toml`` says, checked; without a file, nothing."""

    label_set: LabelSet | None = None
    """None where the file gives no names."""
    ignore_index: int = 255
    values: Mapping[int, int] = field(default_factory=dict)
    """Class index, or ignore_index, by stored value."""
    colors: Mapping[Color, int] = field(default_factory=dict)
    """Class index by stored colour: of the palette, and of ``label_map``."""
    names: Mapping[str, int] = field(default_factory=dict)
    """Class index, or ignore_index, that a name in the annotations stands for."""


def read_description(root: Path, *, known: LabelSet | None = None) -> Description:
    """Read the ``dataset.toml`` of a folder, if there is one.

    Args:
        root: Folder of the dataset.
        known: What the layout itself says of the labels; names in the file win.

    Raises:
        DatasetError: If the file is wrong, with its place and the nearest right key.
    """
    path = root / DATASET_FILE
    if not path.is_file():
        known = known or _listed_names(root)
        return Description(known, known.ignore_index if known else 255)
    content = _parse(path)
    try:
        return _check(content, known)
    except ConfigError as error:
        raise DatasetError(f"{path}: {error}") from None


def names_classes(root: Path) -> bool:
    """Whether the user names the classes, in ``dataset.toml`` or a list of names.

    Raises:
        DatasetError: If ``dataset.toml`` is wrong.
    """
    path = root / DATASET_FILE
    if path.is_file():
        return _parse(path).names is not None
    return any((root / name).is_file() for name in NAME_LISTS)


def _listed_names(root: Path) -> LabelSet | None:
    """Classes from a list of names, one a line, such as labelme's ``labels.txt``."""
    for path in (root / name for name in NAME_LISTS):
        if path.is_file():
            names = tuple(name for name in read_lines(path) if name != "__ignore__")
            return label_set_of(names, path)
    return None


def label_set_of(names: Sequence[str], path: Path, *, ignore_index: int = 255) -> LabelSet:
    """Classes that a file of the layout names, in colours that differ.

    Raises:
        DatasetError: If there is none, or one is named twice.
    """
    try:
        return LabelSet(tuple(names), distinct_palette(len(names)), ignore_index)
    except ConfigError as error:
        raise DatasetError(f"{path}: {error}") from None


def _parse(path: Path) -> _Content:
    try:
        return _Content.model_validate(tomllib.loads(read_text(path, _MAX_BYTES)))
    except ValidationError as error:
        raise DatasetError(f"{path}: {describe_problems(error, _Content)}") from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise DatasetError(f"{path}: not TOML: {error}") from None


def _check(content: _Content, known: LabelSet | None) -> Description:
    label_set, ignore = known, content.ignore
    if content.names:
        palette = as_palette(content.palette) if content.palette else None
        names = tuple(content.names)
        label_set = LabelSet(names, palette or distinct_palette(len(names)), ignore)
    elif content.palette:
        raise ConfigError("palette needs names, one for each of its colours")
    elif known:
        ignore = content.ignore if "ignore" in content.model_fields_set else known.ignore_index
        label_set = LabelSet(known.names, known.palette, ignore)
    return _with_map(content, label_set, ignore)


def _with_map(content: _Content, label_set: LabelSet | None, ignore: int) -> Description:
    colors: dict[Color, int] = {}
    if content.palette and label_set:
        colors = {color: index for index, color in enumerate(label_set.palette)}
        if len(colors) < label_set.num_classes:
            raise ConfigError("palette gives one colour to two classes")
    values: dict[int, int] = {}
    names: dict[str, int] = {}
    for key, wanted in content.label_map.items():
        if re.fullmatch(r"\d{1,5}", key):
            values[int(key)] = resolve(wanted, label_set, ignore)
        elif re.fullmatch(r"#[0-9a-fA-F]{6}", key):
            red, green, blue = bytes.fromhex(key[1:])
            colors[red, green, blue] = resolve(wanted, label_set, ignore)
        else:
            names[key] = resolve(wanted, label_set, ignore)
    return Description(label_set, ignore, values, colors, names)


def resolve(wanted: str | int, label_set: LabelSet | None, ignore: int) -> int:
    """The index of a class that is named, or given by its index, or ``ignore``.

    Raises:
        ConfigError: If there is no such class.
    """
    if wanted in (IGNORE, ignore):
        if not 0 <= ignore <= _LARGEST:
            raise ConfigError(f"ignore is {ignore}; expected 0 to {_LARGEST} to map labels to it")
        return ignore
    names: Sequence[str] = label_set.names if label_set else ()
    if isinstance(wanted, str):
        if wanted in names:
            return names.index(wanted)
        raise ConfigError(f"label_map: no class is called {wanted!r}; {nearest(wanted, names)}")
    limit = len(names) if label_set else _LARGEST + 1
    if not 0 <= wanted < limit:
        raise ConfigError(f"label_map: {wanted} is no class; expected 0 to {limit - 1} or 'ignore'")
    return wanted


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint at the name that was meant, or the list of them."""
    names = list(names)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    shown = ", ".join(names[:40]) + (" ..." if len(names) > 40 else "")
    return f"known: {shown}" if names else "names gives no classes"
