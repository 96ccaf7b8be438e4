"""Write a dataset of any layout anew, as paired folders."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from atrous.data.description import DATASET_FILE
from atrous.data.layout import Split
from atrous.data.sample import ImageFile, Pair, read_pair
from atrous.errors import DatasetError, ResourceError
from atrous.imaging import write_file, write_image, write_labels
from atrous.labels import LabelSet


def convert(splits: Sequence[Split], out: Path) -> Iterator[Pair]:
    """Write ``SPLIT/images``, ``SPLIT/masks`` of class indices, and ``dataset.toml``.

    Picture files are copied as they are; pictures from archives are written as PNG.

    Args:
        splits: Opened with `atrous.data.detect.open_split`, of one label set.
        out: Where to; must not be there yet.

    Yields:
        Each pair, once it is written.

    Raises:
        ResourceError: If ``out`` is there, or cannot be written.
        DatasetError: If two pairs have one name, or labels do not fit their picture or classes.
        InputError: If a file cannot be read.
    """
    if out.exists():
        raise ResourceError(f"{out}: is there already; give a place that is not")
    label_set = splits[0].label_set
    description = description_of(label_set).encode("utf-8", "replace")
    _check_names(splits)
    write_file(out / DATASET_FILE, lambda file: file.write(description))
    for split in splits:
        for pair in split.pairs:
            _write(pair, label_set, out / split.name)
            yield pair


def description_of(label_set: LabelSet) -> str:
    """The text of a ``dataset.toml`` that names the classes.

    Raises:
        DatasetError: If the label of ignored pixels cannot stand in a file.
    """
    if not 0 <= label_set.ignore_index <= 65_535:
        raise DatasetError(
            f"ignored pixels are {label_set.ignore_index}, and files hold 0 to 65535; set ignore "
            f"in {DATASET_FILE}"
        )
    lines = [
        f"names = {json.dumps(label_set.names, ensure_ascii=False)}",
        f"ignore = {label_set.ignore_index}",
    ]
    if len(set(label_set.palette)) == label_set.num_classes:
        lines.append(f"palette = {json.dumps(label_set.palette)}")
    return "\n".join(lines) + "\n"


def _check_names(splits: Sequence[Split]) -> None:
    """Names that differ in capital letters alone are one file on some systems."""
    seen: dict[str, Path] = {}
    for split in splits:
        for pair in split.pairs:
            key = f"{split.name}/{pair.name}".casefold()
            if key in seen:
                raise DatasetError(
                    f"{pair.image.path}: would be written where {seen[key]} is; rename one"
                )
            seen[key] = pair.image.path


def _write(pair: Pair, label_set: LabelSet, folder: Path) -> None:
    sample = read_pair(pair, label_set)
    write_labels(folder / "masks" / f"{pair.name}.png", sample.labels, label_set.palette)
    if not isinstance(pair.image, ImageFile):
        write_image(folder / "images" / f"{pair.name}.png", sample.image)
        return
    path = pair.image.path
    with path.open("rb") as source:
        write_file(
            folder / "images" / f"{pair.name}{path.suffix}",
            lambda file: shutil.copyfileobj(source, file),
        )
