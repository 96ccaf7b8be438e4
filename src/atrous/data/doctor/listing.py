"""Find a dataset's files without insisting that they fit: what has no partner becomes a finding."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from atrous.data import DATASETS, Fault, ImageSource, LabelSource, Pair
from atrous.data.description import DATASET_FILE, read_description
from atrous.data.detect import ALSO_CALLED, detect_layout, splits_of
from atrous.data.doctor.finding import Finding
from atrous.data.sample import LabelFile
from atrous.errors import DatasetError
from atrous.labels import Color, LabelSet

_COUNTED = frozenset(("paired", "beside", "paddleseg", "csv", "jsonl", "webdataset"))
"""Layouts that number the classes by what the labels hold where no file names them."""
_FAULT_KINDS = {
    "no labels": "missing_labels",
    "no picture": "missing_image",
    "same name": "same_stem",
    "outside": "outside_root",
}


@dataclass(frozen=True)
class Entry:
    """A picture with its labels."""

    split: str
    """``train``, ``val`` or ``test``, whatever the dataset calls it."""
    name: str
    image: ImageSource
    labels: LabelSource


@dataclass(frozen=True)
class Listing:
    """A dataset's files."""

    root: Path
    layout: str
    reason: str
    """What the layout was known by."""
    splits: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """Splits that are not looked at, for they hold parts of the others."""
    entries: tuple[Entry, ...] = ()
    label_set: LabelSet | None = None
    """What the dataset says of its classes; None where it says nothing."""
    ignore_index: int = 255
    """Value of ignored pixels, for a dataset that does not name its classes."""
    values: Mapping[int, int] = field(default_factory=dict)
    """The dataset's own mapping of stored values."""
    colors: Mapping[Color, int] = field(default_factory=dict)
    """The dataset's own mapping of colours."""
    findings: tuple[Finding, ...] = ()
    """What is wrong with names, folders and the description."""

    def below(self, path: Path) -> str:
        """A file's place below the root, for a report."""
        return place(path, self.root)


def place(path: Path, root: Path) -> str:
    """A path below ``root`` as it can be printed, whatever bytes its name holds."""
    inside = path.relative_to(root) if path.is_relative_to(root) else path
    return inside.as_posix().encode("utf-8", "backslashreplace").decode()


def list_dataset(root: Path, *, layout: str = "auto") -> Listing:
    """Find the pairs of every split, and the files that have no partner.

    Args:
        root: Folder of the dataset.
        layout: Key into `atrous.data.DATASETS`, or ``auto``.

    Raises:
        ConfigError: If ``layout`` is unknown.
        DatasetError: If there is no such folder or no known layout in it.
    """
    if layout == "auto":
        name, reason = detect_layout(root)
    else:
        name, reason = layout, "asked for"
    there = splits_of(root, layout=name)
    usual = {short: _find(there, short) for short in ALSO_CALLED}
    chosen = {short: split for short, split in usual.items() if split}
    chosen = chosen or {split: split for split in there}
    try:
        label_set = _label_set(root, name, next(iter(chosen.values()), ""))
    except DatasetError as error:
        what = f"{_sentence(error, root)}; nothing else is checked before that is right"
        return Listing(
            root, name, reason, findings=(Finding("bad_description", DATASET_FILE, what),)
        )
    entries: list[Entry] = []
    findings: list[Finding] = []
    for short, split in chosen.items():
        found, wrong = _list_split(root, name, split)
        entries += [Entry(short, pair.name, pair.image, pair.labels) for pair in found]
        findings += wrong
    if not usual["val"]:
        what = f"there is {', '.join(there) or 'none'}"
        findings.append(Finding("missing_split", "val", what))
    first = next((e.labels for e in entries if isinstance(e.labels, LabelFile)), None)
    return Listing(
        root=root,
        layout=name,
        reason=reason,
        splits=tuple(chosen),
        left_out=tuple(split for split in there if split not in chosen.values()),
        entries=tuple(entries),
        label_set=label_set,
        ignore_index=read_description(root).ignore_index,
        values=(first.values if first else None) or {},
        colors=(first.colors if first else None) or {},
        findings=(*findings, *check_files(root, entries)),
    )


def _find(there: Sequence[str], short: str) -> str | None:
    return next((name for name in (short, *ALSO_CALLED[short]) if name in there), None)


def _label_set(root: Path, layout: str, split: str) -> LabelSet | None:
    described = read_description(root).label_set
    if described or layout in _COUNTED or not split:
        return described
    found = DATASETS[layout].label_set(root, split)
    numbered = all(re.fullmatch(r"class \d+", name) for name in found.names)
    return None if numbered else found


def _list_split(root: Path, layout: str, split: str) -> tuple[tuple[Pair, ...], list[Finding]]:
    try:
        listing = DATASETS[layout].listing(root, split)
    except DatasetError as error:
        return (), [Finding("empty_split", split, _sentence(error, root))]
    findings = list(_from_faults(root, listing.faults))
    if not (listing.pairs or listing.faults):
        findings.append(Finding("empty_split", split, "holds no pair"))
    return listing.pairs, findings


def _from_faults(root: Path, faults: Sequence[Fault]) -> Iterator[Finding]:
    lonely = {f.path.stem.casefold(): f.path for f in faults if f.kind == "no picture"}
    matched: set[Path] = set()
    for fault in faults:
        twin = lonely.get(fault.path.stem.casefold())
        if fault.kind == "no labels" and twin:
            matched |= {fault.path, twin}
            what = f"the labels are {twin.name}"
            yield Finding("case_mismatch", place(fault.path, root), what)
    for fault in faults:
        if fault.path not in matched:
            what = fault.message.removeprefix(f"{fault.path}: ").replace(f"{root}/", "")
            yield Finding(_FAULT_KINDS[fault.kind], place(fault.path, root), what)


def _sentence(error: DatasetError, root: Path) -> str:
    """An error in a report of one dataset needs no path of the dataset."""
    return str(error).removeprefix(f"{root / DATASET_FILE}: ").replace(f"{root}/", "")


def check_files(root: Path, entries: Iterable[Entry]) -> Iterator[Finding]:
    """Links, and names that some systems cannot hold side by side."""
    folded: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        for path in (entry.image.path, entry.labels.path):
            where = place(path, root)
            folded[where.casefold()].add(where)
            if path.is_symlink():
                yield Finding("link", where, f"leads to {path.readlink()}")
    for names in folded.values():
        for name in sorted(names)[1:]:
            yield Finding("case_clash", name, f"there is {min(names)} too")
