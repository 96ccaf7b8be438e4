"""Classes of annotations that name them: outlines by labelme, CVAT, COCO, YOLO."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from atrous.data.description import (
    IGNORE,
    Description,
    label_set_of,
    names_classes,
    nearest,
    read_description,
)
from atrous.errors import DatasetError
from atrous.labels import BACKGROUND, LabelSet

_IGNORED = (IGNORE, "__ignore__")


@dataclass(frozen=True)
class NamedClasses:
    """What the names in annotations mean."""

    label_set: LabelSet
    indices: Mapping[str, int]
    """Class index, or the ignore_index, by name."""

    @property
    def background(self) -> int:
        """What pixels are that no outline covers: background if it is a class, else ignored."""
        return self.label_set.other

    def index_of(self, name: str, path: Path) -> int:
        """The index of a class by its name in the annotations.

        Raises:
            DatasetError: If it is not a class, with those that are.
        """
        if name in self.indices:
            return self.indices[name]
        raise DatasetError(
            f"{path}: no class is called {name!r}; {nearest(name, self.label_set.names)}. Names "
            "can be added or mapped in dataset.toml (names, label_map)"
        )


def named_classes(root: Path, found: Sequence[str], path: Path) -> NamedClasses:
    """Classes as ``dataset.toml`` or a list of names gives them, else background and ``found``.

    Args:
        root: Folder of the dataset.
        found: Names that the annotations use or declare, in order.
        path: Where they were found, for messages.

    Raises:
        DatasetError: If no class is named, or one twice, or ``dataset.toml`` is wrong.
    """
    description = _described(root, found, path)
    label_set = description.label_set
    if label_set is None:
        raise DatasetError(f"{path}: names no class")
    indices = {name: index for index, name in enumerate(label_set.names)}
    indices |= {name: label_set.ignore_index for name in _IGNORED if name not in indices}
    for other, name in (BACKGROUND, BACKGROUND[::-1]):
        if name in indices:
            indices.setdefault(other, indices[name])
    return NamedClasses(label_set, indices | dict(description.names))


def _described(root: Path, found: Sequence[str], path: Path) -> Description:
    if names_classes(root):
        return read_description(root)
    others = [name for name in found if name not in (*BACKGROUND, *_IGNORED)]
    if not others:
        raise DatasetError(f"{path}: names no class but the background")
    return read_description(root, known=label_set_of((BACKGROUND[0], *others), path))
