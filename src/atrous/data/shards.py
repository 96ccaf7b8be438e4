"""WebDataset: tar archives in which a picture and its labels share a name."""

import io
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from atrous.bands import RGB8, PixelKind, read_pixels
from atrous.data.counting import count_classes
from atrous.data.description import Description, read_description
from atrous.data.folders import HASHED_SPLITS, SPLIT_NAMES, in_split, is_inside, plain_name
from atrous.data.layout import Fault, Layout, Listing
from atrous.data.sample import Pair, to_indices
from atrous.errors import DatasetError, InputError
from atrous.imaging import SUFFIXES, LabelMap, Pixels, read_raw_labels
from atrous.labels import Color, LabelSet

_LABEL_KEYS = ("seg.png", "mask.png", "label.png", "labels.png", "png")
"""What may follow the name of labels; a plain ``png`` only beside a picture of another format."""
_MAX_MEMBERS = 1_000_000
NAMED_SPLITS = (*SPLIT_NAMES, "train_aug", "trainaug")
"""Splits that are known by the names of their archives."""


@dataclass(frozen=True)
class Member:
    """A file in an archive that is not compressed: where its bytes are."""

    archive: Path
    name: str
    offset: int
    size: int

    @property
    def path(self) -> Path:
        """The archive, and the file in it."""
        return self.archive / self.name

    def open(self) -> io.BytesIO:
        """Its bytes, in memory.

        Raises:
            InputError: If the archive ends before them.
        """
        try:
            with self.archive.open("rb") as file:
                file.seek(self.offset)
                content = file.read(self.size)
        except OSError as error:
            raise InputError(f"{self.archive}: cannot be read ({error.strerror})") from None
        if len(content) < self.size:
            raise InputError(f"{self.path}: the archive is cut short")
        return io.BytesIO(content)


@dataclass(frozen=True)
class MemberImage:
    """A picture in an archive."""

    member: Member

    @property
    def path(self) -> Path:
        """The archive, and the picture in it."""
        return self.member.path

    def read(self, kind: PixelKind | None = RGB8) -> Pixels:
        """The picture as upright (H, W, C)."""
        return read_pixels(self.open(), kind, name=str(self.path)).pixels

    def open(self) -> io.BytesIO:
        """Its bytes, in memory."""
        return self.member.open()


@dataclass(frozen=True)
class MemberLabels:
    """A label map in an archive."""

    member: Member
    values: Mapping[int, int]
    colors: Mapping[Color, int]

    @property
    def path(self) -> Path:
        """The archive, and the label map in it."""
        return self.member.path

    def read(self, size: tuple[int, int]) -> LabelMap:  # noqa: ARG002, a map has its own size
        """(H, W) class indices, mapped."""
        raw = read_raw_labels(self.member.open(), name=str(self.path))
        return to_indices(raw, self.path, values=self.values, colors=self.colors)


def find(root: Path) -> str | None:
    """Tar archives, in ``root`` or in folders of splits."""
    archives = _archives(root)
    return f"{archives[0].relative_to(root).as_posix()} and other shards" if archives else None


def splits(root: Path) -> tuple[str, ...]:
    """What the archives or their folders are called, without the number."""
    named = dict.fromkeys(_split_name(path, root) for path in _archives(root))
    return tuple(named) if named and "" not in named else HASHED_SPLITS


def listing(root: Path, split: str) -> Listing:
    """Pictures with the labels of their names in the archives of a split."""
    archives = _archives(root)
    by_split = all(_split_name(path, root) for path in archives)
    description = read_description(root)
    pairs: list[Pair] = []
    faults: list[Fault] = []
    for archive in archives:
        if not by_split or _split_name(archive, root) == split:
            if not is_inside(archive, root):
                message = f"{archive}: is a link out of {root}; copy the file into the dataset"
                faults.append(Fault("outside", archive, message))
                continue
            _add(archive, description, pairs, faults)
    whole = Listing(tuple(pairs), tuple(faults))
    return whole if by_split else in_split(whole, split)


def label_set(root: Path, split: str) -> LabelSet:
    """As ``dataset.toml`` says, or numbered by what the labels of the training split hold."""
    described = read_description(root).label_set
    if described:
        return described
    training = next((name for name in ("train", "training") if name in splits(root)), split)
    return count_classes(listing(root, training), root)


def _archives(root: Path) -> list[Path]:
    places = ["[!.]*.tar", *(f"{split}/[!.]*.tar" for split in SPLIT_NAMES)]
    return [path for place in places for path in sorted(root.glob(place)) if path.is_file()]


def _split_name(path: Path, root: Path) -> str:
    """``train`` of ``train-000000.tar``, or of the folder of that name."""
    return path.parent.name if path.parent != root else split_of_stem(path.stem)


def split_of_stem(stem: str) -> str:
    """The split that an archive's name begins with; nothing if it names none.

    Examples:
        >>> split_of_stem("train_aug-000000"), split_of_stem("trainer-000000")
        ('train_aug', '')
    """
    longest_first = "|".join(sorted(NAMED_SPLITS, key=len, reverse=True))
    match = re.match(rf"({longest_first})(?=[-_.]|$)", stem)
    return match[1] if match else ""


def _add(archive: Path, said: Description, pairs: list[Pair], faults: list[Fault]) -> None:
    for name, files in _grouped(archive).items():
        labels = next((key for key in _LABEL_KEYS if key in files), None)
        image = next((key for key in files if key != labels and f".{key}" in SUFFIXES), None)
        if image and labels:
            drawn = MemberLabels(files[labels], said.values, said.colors)
            pairs.append(
                Pair(plain_name(f"{archive.stem}/{name}"), MemberImage(files[image]), drawn)
            )
        elif image or labels:
            path = files[image or labels or ""].path
            missing = (
                "has no labels" if image or labels == "png" else "are labels without a picture"
            )
            kind = "no picture" if missing.startswith("are") else "no labels"
            faults.append(Fault(kind, path, f"{path}: {missing}"))  # type: ignore[arg-type]


def _grouped(archive: Path) -> dict[str, dict[str, Member]]:
    """Members by the name before the first dot and what follows it."""
    groups: dict[str, dict[str, Member]] = {}
    for member in _members(archive):
        folder, _, file = member.name.rpartition("/")
        stem, _, key = file.partition(".")
        if stem:
            groups.setdefault(f"{folder}/{stem}".lstrip("./"), {})[key.lower()] = member
    return groups


def _members(archive: Path) -> Iterator[Member]:
    """Ordinary files of an archive; links and devices are left where they are."""
    try:
        with tarfile.open(archive, "r:") as tar:
            for number, entry in enumerate(tar):
                if number >= _MAX_MEMBERS:
                    raise DatasetError(f"{archive}: holds more than {_MAX_MEMBERS} files")
                if entry.isfile() and not entry.issparse():
                    yield Member(archive, entry.name, entry.offset_data, entry.size)
    except (tarfile.TarError, OSError, ValueError, EOFError) as error:
        raise DatasetError(
            f"{archive}: not a tar archive, or compressed, which is not read: {error}"
        ) from None


LAYOUT = Layout(
    looks="shards of WebDataset: tar archives with NAME.jpg and NAME.seg.png (or mask.png)",
    find=find,
    splits=splits,
    listing=listing,
    label_set=label_set,
)
