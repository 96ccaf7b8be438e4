"""Folders of pictures beside folders of labels, the layout most datasets share."""

import tomllib
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from atrous.data.sample import Pair, match_pairs
from atrous.errors import ConfigError, DatasetError
from atrous.imaging import read_labels
from atrous.labels import LabelSet, as_palette, distinct_palette, numbered_label_set
from atrous.validation import describe_problems

_SPELLINGS = (
    ("{split}/images", "{split}/masks"),
    ("images/{split}", "masks/{split}"),
    ("img_dir/{split}", "ann_dir/{split}"),
    ("{split}/images", "{split}/labels"),
    ("images/{split}", "labels/{split}"),
)
DATASET_FILE = "dataset.toml"


class _Description(BaseModel):
    """What ``dataset.toml`` may say."""

    model_config = ConfigDict(extra="forbid", strict=True)

    names: list[str] = Field(min_length=1)
    ignore: int = 255
    palette: list[Annotated[list[int], Field(min_length=3, max_length=3)]] | None = None


class PairedFolders:
    """``train/images`` and ``train/masks``, or ``images/train`` and ``masks/train``.

    ``labels`` is taken for ``masks`` and the ``img_dir``/``ann_dir`` spelling is known too.
    Class names come from ``dataset.toml`` (``names``, ``ignore``, ``palette``); without it the
    classes are numbered by what the training labels hold, and 255 is ignored.

    Args:
        root: Folder that holds them.
        split: ``train``, ``val`` or another name of a folder.

    Raises:
        DatasetError: If no spelling is found, a partner is missing, or ``dataset.toml`` is wrong.
    """

    def __init__(self, root: Path, split: str) -> None:
        for images, labels in _SPELLINGS:
            folders = root / images.format(split=split), root / labels.format(split=split)
            if folders[0].is_dir() and folders[1].is_dir():
                break
        else:
            tried = " or ".join(
                f"{a.format(split=split)} + {b.format(split=split)}" for a, b in _SPELLINGS
            )
            raise DatasetError(f"no split {split!r} in {root}; looked for {tried}")
        self.pairs = match_pairs(*folders, root)
        described = root / DATASET_FILE
        self.label_set = (
            _read_description(described) if described.is_file() else self._count_classes(root)
        )

    def _count_classes(self, root: Path) -> LabelSet:
        pairs = self.pairs
        for images, labels in _SPELLINGS:
            folders = root / images.format(split="train"), root / labels.format(split="train")
            if folders[0].is_dir() and folders[1].is_dir():
                pairs = match_pairs(*folders, root)
                break
        return _numbered_from(pairs)


def _numbered_from(pairs: tuple[Pair, ...]) -> LabelSet:
    seen: set[int] = set()
    for pair in pairs:
        seen |= set(np.unique(read_labels(pair.labels)).tolist())
    seen.discard(255)
    if max(seen, default=0) < 1:
        raise DatasetError(
            f"the labels beside {pairs[0].labels} hold no class but {sorted(seen) or 255}; "
            "expected at least classes 0 and 1. If 255 marks a class, say so in dataset.toml"
        )
    if max(seen) > 255:
        raise DatasetError(
            f"the labels beside {pairs[0].labels} hold classes up to {max(seen)}, past the 255 "
            "that marks ignored pixels; write names and ignore into dataset.toml"
        )
    return numbered_label_set(max(seen) + 1)


def _read_description(path: Path) -> LabelSet:
    try:
        described = _Description.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        names = tuple(described.names)
        palette = as_palette(described.palette) if described.palette else None
        return LabelSet(names, palette or distinct_palette(len(names)), described.ignore)
    except ValidationError as error:
        raise DatasetError(f"{path}: {describe_problems(error, _Description)}") from None
    except ConfigError as error:
        raise DatasetError(f"{path}: {error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: not TOML: {error}") from None
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror}") from None
