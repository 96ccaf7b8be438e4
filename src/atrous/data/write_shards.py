"""Write a dataset of any layout as tar shards of WebDataset."""

import hashlib
import io
import math
import tarfile
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from atrous.data.description import DATASET_FILE
from atrous.data.layout import Split
from atrous.data.sample import Pair, read_pair
from atrous.data.shards import NAMED_SPLITS, split_of_stem
from atrous.data.write import description_of, encoded, whole_folder, write_description
from atrous.errors import ConfigError, DatasetError
from atrous.imaging import png_of_labels, whole_file
from atrous.labels import LabelSet

_KEPT = {"jpg": b"\xff\xd8\xff", "png": b"\x89PNG\r\n\x1a\n"}
"""Formats that every reader of WebDataset knows, with how their files begin."""


def write_shards(
    splits: Sequence[Split],
    out: Path,
    *,
    max_bytes: int | None = None,
    max_pairs: int | None = None,
    seed: int = 0,
) -> Iterator[Pair]:
    """Write ``SPLIT-000000.tar`` and so on, with ``NAME.jpg`` and ``NAME.seg.png``, one by one.

    JPEG and PNG files are copied as they are, other pictures are written as PNG; labels are PNGs of
    class indices, described in ``dataset.toml`` beside the shards. Pairs are dealt in an order
    that the SHA-256 of seed and name gives, so that every shard holds a bit of everything. The same
    dataset makes the same bytes. Dots in names, which end a name in a shard, become underscores.

    Args:
        splits: Opened with `atrous.data.detect.open_split`, of one label set.
        out: Where to; must not be there yet, and is there only once all is written.
        max_bytes: A shard that holds as much is closed; None for no limit.
        max_pairs: Most pairs in a shard; a split's shards hold the same number, or one less. None
            for no limit.
        seed: What the order depends on, beside the names.

    Yields:
        Each pair, once it is written.

    Raises:
        ConfigError: If a split has a name by which shards are not found again.
        ResourceError: If ``out`` is there, or cannot be written.
        DatasetError: If two pairs have one name, or labels do not fit their picture or classes.
        InputError: If a file cannot be read.
    """
    description = description_of(splits[0].label_set)
    for split in splits:
        _check_names(split)
    with whole_folder(out) as folder:
        write_description(description, folder / DATASET_FILE)
        for split in splits:
            waiting = deque(sorted(split.pairs, key=lambda pair: _digest(seed, pair.name)))
            number = 0
            while waiting:
                path = folder / f"{split.name}-{number:06d}.tar"
                fair = _fair_share(len(waiting), max_pairs)
                yield from _fill(path, waiting, split.label_set, fair, max_bytes)
                number += 1


def _check_names(split: Split) -> None:
    if split_of_stem(f"{split.name}-000000") != split.name:
        raise ConfigError(
            f"shards of a split {split.name!r} would not be found again; known names are "
            f"{', '.join(NAMED_SPLITS)}"
        )
    seen: dict[str, Path] = {}
    for pair in split.pairs:
        name = _member_name(pair)
        if name in seen:
            raise DatasetError(
                f"{pair.image.path}: would have the name of {seen[name]} in a shard; rename one"
            )
        seen[name] = pair.image.path


def _member_name(pair: Pair) -> str:
    return pair.name.replace(".", "_")


def _digest(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}/{name}".encode("utf-8", "surrogateescape")).digest()


def _fair_share(pairs: int, most: int | None) -> int:
    """Pairs in the first shard, if as few shards as can be hold the same number, or one less."""
    return math.ceil(pairs / math.ceil(pairs / most)) if most else pairs


def _fill(
    path: Path, waiting: deque[Pair], label_set: LabelSet, pairs: int, max_bytes: int | None
) -> Iterator[Pair]:
    """Write one shard with the first of the pairs that wait."""
    with whole_file(path) as file, tarfile.open(fileobj=file, mode="w") as tar:
        for _ in range(min(pairs, len(waiting))):
            pair = waiting.popleft()
            _add(tar, pair, label_set)
            yield pair
            if max_bytes is not None and file.tell() >= max_bytes:
                break


def _add(tar: tarfile.TarFile, pair: Pair, label_set: LabelSet) -> None:
    sample, name = read_pair(pair, label_set, None), _member_name(pair)
    with pair.image.open() as stored:
        start = stored.read(8)
        ending = next((key for key, magic in _KEPT.items() if start.startswith(magic)), None)
        if ending:
            _put(tar, f"{name}.{ending}", stored)
        else:
            ending, content = encoded(sample.image)
            _put(tar, f"{name}.{ending}", io.BytesIO(content))
    labels = png_of_labels(sample.labels, label_set.palette)
    _put(tar, f"{name}.seg.png", io.BytesIO(labels))


def _put(tar: tarfile.TarFile, name: str, content: IO[bytes]) -> None:
    # A TarInfo of its own says nothing of time, owner and rights, so that archives are the same.
    member = tarfile.TarInfo(name)
    member.size = content.seek(0, io.SEEK_END)
    content.seek(0)
    tar.addfile(member, content)
