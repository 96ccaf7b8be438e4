"""Find a dataset's files without insisting that they fit: what has no partner becomes a finding."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from atrous.data.camvid import CAMVID
from atrous.data.doctor.finding import Finding
from atrous.data.paired import DATASET_FILE, SPELLINGS, read_description
from atrous.errors import DatasetError
from atrous.imaging import SUFFIXES
from atrous.labels import Color, LabelSet


@dataclass(frozen=True)
class Entry:
    """A picture with its labels."""

    split: str
    name: str
    image: Path
    labels: Path


@dataclass(frozen=True)
class Listing:
    """A dataset's files."""

    root: Path
    layout: str
    reason: str
    """What the layout was known by."""
    splits: tuple[str, ...]
    entries: tuple[Entry, ...]
    label_set: LabelSet | None
    """What the dataset says of its classes; None where it says nothing."""
    values: Mapping[int, int] = field(default_factory=dict)
    """The dataset's own mapping of stored values."""
    colors: Mapping[Color, int] = field(default_factory=dict)
    """The dataset's own mapping of colours."""
    findings: tuple[Finding, ...] = ()
    """What is wrong with names, folders and the description."""

    def below(self, path: Path) -> str:
        """A file's place below the root, for a report."""
        return path.relative_to(self.root).as_posix()


def list_dataset(root: Path) -> Listing:
    """Find the pairs of every split, and the files that have no partner.

    Raises:
        DatasetError: If there is no such folder or no known layout in it.
    """
    if not root.is_dir():
        raise DatasetError(f"{root}: no such folder")
    folders = _find_splits(root)
    if not folders:
        tried = ", ".join(f"{images} + {labels}" for images, labels in SPELLINGS)
        raise DatasetError(
            f"{root}: no known layout; looked for {tried}, {{split}} + {{split}}annot"
        )
    entries: list[Entry] = []
    findings: list[Finding] = []
    for split, (images, labels) in folders.items():
        ours, theirs = _by_stem(root, images, findings), _by_stem(root, labels, findings)
        both = sorted(ours.keys() & theirs.keys())
        entries += [Entry(split, name, ours[name], theirs[name]) for name in both]
        findings += _lonely(root, ours, theirs)
        if not both:
            findings.append(Finding("empty_split", split, f"no pair in {images.name}"))
    if "val" not in folders:
        findings.append(Finding("missing_split", "val", f"there is {', '.join(folders)}"))
    label_set, described = _describe(root)
    first = next(iter(folders.values()))
    camvid = first[1].name.endswith("annot")
    return Listing(
        root=root,
        layout="camvid" if camvid else "paired",
        reason=f"{first[0].relative_to(root)} beside {first[1].relative_to(root)}",
        splits=tuple(folders),
        entries=tuple(entries),
        label_set=label_set or (CAMVID if camvid else None),
        findings=(*described, *findings, *check_files(root, entries)),
    )


def _find_splits(root: Path) -> dict[str, tuple[Path, Path]]:
    found = {}
    for split in ("train", "val", "test"):
        for images, labels in (*SPELLINGS, ("{split}", "{split}annot")):
            folders = root / images.format(split=split), root / labels.format(split=split)
            if folders[0].is_dir() and folders[1].is_dir():
                found[split] = folders
                break
    return found


def _by_stem(root: Path, folder: Path, findings: list[Finding]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if path.suffix.lower() not in SUFFIXES or any(p.startswith(".") for p in inner.parts):
            continue
        stem = inner.with_suffix("").as_posix()
        where = path.relative_to(root).as_posix()
        if not path.resolve().is_relative_to(root.resolve()):
            findings.append(Finding("outside_root", where, "a link out of the dataset"))
        elif stem in found:
            findings.append(Finding("same_stem", where, f"also {found[stem].name}"))
        else:
            found[stem] = path
    return found


def _lonely(root: Path, ours: dict[str, Path], theirs: dict[str, Path]) -> Iterator[Finding]:
    for one, other, kind in ((ours, theirs, "missing_labels"), (theirs, ours, "missing_image")):
        folded = {name.casefold(): path for name, path in other.items() if name not in one}
        for name, path in one.items():
            if name in other:
                continue
            where = path.relative_to(root).as_posix()
            twin = folded.get(name.casefold())
            if twin and kind == "missing_labels":
                yield Finding("case_mismatch", where, f"the labels are {twin.name}")
            elif not twin:
                yield Finding(kind, where, "has no partner")


def _describe(root: Path) -> tuple[LabelSet | None, list[Finding]]:
    path = root / DATASET_FILE
    if not path.is_file():
        return None, []
    try:
        return read_description(path), []
    except DatasetError as error:
        what = str(error).removeprefix(f"{path}: ")
        return None, [Finding("bad_description", DATASET_FILE, what)]


def check_files(root: Path, entries: Iterable[Entry]) -> Iterator[Finding]:
    """Links, and names that some systems cannot hold side by side."""
    folded: dict[str, list[str]] = defaultdict(list)
    for entry in entries:
        for path in (entry.image, entry.labels):
            where = path.relative_to(root).as_posix()
            folded[where.casefold()].append(where)
            if path.is_symlink():
                yield Finding("link", where, f"leads to {path.readlink()}")
    for names in folded.values():
        if len(names) > 1:
            yield Finding("case_clash", names[1], f"there is {names[0]} too")
