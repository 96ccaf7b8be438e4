"""Read a whole dataset once, and say all that is wrong with it."""

import multiprocessing
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from atrous.data.doctor.facts import PairFacts, read_facts
from atrous.data.doctor.finding import KINDS, Finding
from atrous.data.doctor.frequencies import ClassCount, Suggestion, count_classes, suggest
from atrous.data.doctor.listing import Entry, Listing, list_dataset
from atrous.data.doctor.pair_checks import OF_IMAGES, PAIR_CHECKS, Context, looks_like_photo
from atrous.data.doctor.proposal import Proposal, propose
from atrous.data.doctor.set_checks import SET_CHECKS
from atrous.data.sample import spread
from atrous.errors import ResourceError

_FEW = 64
"""So few pairs are read sooner than a process starts."""
_CHUNK = 16
_QUICK_SAMPLE = 32


class Track(Protocol):
    """Passes on what is read, and shows how far it is."""

    def __call__(self, items: Iterable[PairFacts], *, total: int) -> Iterable[PairFacts]:
        """The same items."""


@dataclass(frozen=True)
class Report:
    """What the doctor found."""

    listing: Listing
    pairs: tuple[PairFacts, ...]
    findings: tuple[Finding, ...]
    """In the order of `KINDS`, then of places."""
    proposal: Proposal
    classes: tuple[ClassCount, ...]
    suggestion: Suggestion | None

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Those findings that training would stop at, or that spoil what it learns."""
        return tuple(f for f in self.findings if KINDS[f.kind].severity == "error")


def check_dataset(
    root: Path, *, layout: str = "auto", workers: int = 0, track: Track | None = None
) -> Report:
    """Read every file of a dataset and hold each against all that can be wrong.

    Args:
        root: Folder of the dataset.
        layout: Key into `atrous.data.DATASETS`, or ``auto``.
        workers: Processes that read; 0 for one for each core. Past 1 a script must call this below
            its ``if __name__ == "__main__":``, as always where Python starts processes anew.
        track: Shows how far reading is.

    Raises:
        ConfigError: If ``layout`` is unknown.
        DatasetError: If there is no dataset.
        ResourceError: If a process that reads dies.
    """
    listing = list_dataset(root, layout=layout)
    facts: Iterable[PairFacts] = read_all(listing.entries, workers=workers)
    pairs = tuple(track(facts, total=len(listing.entries)) if track else facts)
    return examine(listing, pairs)


def examine(listing: Listing, pairs: Sequence[PairFacts]) -> Report:
    """What follows from what was read."""
    pairs = settle_grey(pairs, listing)
    context = _context(listing, pairs)
    findings = list(listing.findings)
    findings += _of_pairs(listing, pairs, context)
    for check in SET_CHECKS.values():
        findings += check(listing, pairs, context)
    return Report(
        listing=listing,
        pairs=tuple(pairs),
        findings=in_order(findings),
        proposal=context.proposal,
        classes=count_classes(pairs, context.proposal, listing.splits),
        suggestion=suggest(pairs),
    )


def quick_check(root: Path, *, layout: str = "auto") -> tuple[Finding, ...]:
    """The faults that show without reading everything: names, folders and a sample of the pairs.

    A sample of 32 pairs, evenly over the dataset, is read; what only all pairs together tell
    (duplicates, classes that a split lacks) is not asked.

    Raises:
        ConfigError: If ``layout`` is unknown.
        DatasetError: If there is no dataset.
    """
    listing = list_dataset(root, layout=layout)
    read = [read_facts(entry) for entry in spread(listing.entries, _QUICK_SAMPLE)]
    pairs = settle_grey(read, listing)
    found = (*listing.findings, *_of_pairs(listing, pairs, _context(listing, pairs)))
    return in_order(found)


def settle_grey(pairs: Sequence[PairFacts], listing: Listing) -> tuple[PairFacts, ...]:
    """Where label maps hold colours, take grey ones of several channels for colours too."""
    colored = any(pair.labels and pair.labels.colors for pair in pairs)
    if not (colored or listing.colors):
        return tuple(pairs)
    return tuple(
        replace(pair, labels=pair.labels.as_colors())
        if pair.labels and pair.labels.channels > 1
        else pair
        for pair in pairs
    )


def _context(listing: Listing, pairs: Sequence[PairFacts]) -> Context:
    labels = [p.labels for p in pairs if p.labels and not looks_like_photo(p.labels)]
    proposal = propose(
        labels,
        listing.label_set,
        values=listing.values,
        colors=listing.colors,
        ignore_index=listing.ignore_index,
    )
    return Context(proposal, listing.colors, listing.values)


def _of_pairs(listing: Listing, pairs: Iterable[PairFacts], context: Context) -> Iterator[Finding]:
    for pair in pairs:
        for check in PAIR_CHECKS:
            for kind, what in check(pair, context):
                source = pair.entry.image if kind in OF_IMAGES else pair.entry.labels
                yield Finding(kind, listing.below(source.path), what)


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """By kind as `KINDS` has them, then by place."""
    rank = {kind: place for place, kind in enumerate(KINDS)}
    return tuple(sorted(findings, key=lambda f: (rank[f.kind], f.where, f.what)))


def read_all(entries: Sequence[Entry], *, workers: int = 0) -> Iterator[PairFacts]:
    """Read pairs, in processes if there are many, and give them in their order.

    Raises:
        ResourceError: If a process dies, as one does that is short of memory.
    """
    count = min(workers or os.cpu_count() or 1, -(-len(entries) // _FEW))
    if count <= 1:
        yield from map(read_facts, entries)
        return
    # Forking a process in which threads run can hang, so each one starts anew.
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(count, mp_context=context) as pool:
            yield from pool.map(read_facts, entries, chunksize=_CHUNK)
    except BrokenProcessPool:
        raise ResourceError(
            "a process that read pictures died: for lack of memory, or because a script asked for "
            "processes outside of its `if __name__ == '__main__':`; try 1 worker"
        ) from None
