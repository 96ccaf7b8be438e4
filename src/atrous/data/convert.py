"""Write a dataset of any layout anew, as paired folders."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from atrous.data.description import DATASET_FILE
from atrous.data.layout import Split
from atrous.data.sample import Pair, read_pair
from atrous.data.write import description_of, whole_folder, write_description, write_pair
from atrous.errors import DatasetError


def convert(splits: Sequence[Split], out: Path) -> Iterator[Pair]:
    """Write ``SPLIT/images``, ``SPLIT/masks`` of class indices, and ``dataset.toml``.

    Picture files are copied as they are; pictures from archives are written as PNG.

    Args:
        splits: Opened with `atrous.data.detect.open_split`, of one label set.
        out: Where to; must not be there yet, and is there only once all is written.

    Yields:
        Each pair, once it is written.

    Raises:
        ResourceError: If ``out`` is there, or cannot be written.
        DatasetError: If two pairs have one name, or labels do not fit their picture or classes.
        InputError: If a file cannot be read.
    """
    label_set = splits[0].label_set
    description = description_of(label_set)
    _check_names(splits)
    with whole_folder(out) as folder:
        write_description(description, folder / DATASET_FILE)
        for split in splits:
            for pair in split.pairs:
                sample = read_pair(pair, label_set, None)
                write_pair(pair.name, pair.image, sample.labels, label_set, folder / split.name)
                yield pair


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
