"""Checks across pairs: classes that a split lacks, pictures that are there twice."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from atrous.data.doctor.facts import PairFacts
from atrous.data.doctor.finding import Finding
from atrous.data.doctor.listing import Listing
from atrous.data.doctor.pair_checks import Context, looks_like_photo

NEAR_BITS = 10
"""Of 128 bits of `difference_hash` so many may differ between nearly equal pictures.

A picture and its copy at half the size, at JPEG quality 30, brighter by a fifth, or cut by 1 % at
each side differ in up to 9; the likest pictures of CamVid's train and val, which are of different
films, in 27.
"""
_ROWS = 256
_FEW = 4


def check_classes(
    listing: Listing, pairs: Sequence[PairFacts], context: Context
) -> Iterator[Finding]:
    """Every class is learned, and measured."""
    label_set = context.proposal.label_set
    if context.proposal.diagnosis and context.proposal.diagnosis.kind == "one_class":
        seen = set().union(*(pair.labels.values for pair in pairs if pair.labels))
        yield Finding("one_class", ".", f"the only values are {sorted(seen)}")
        return
    by_split = _count_splits(listing, pairs, context)
    if not any(by_split.values()):
        return
    for index, name in enumerate(label_set.names):
        there = [split for split, counts in by_split.items() if counts[index]]
        if there:
            yield from _absences(index, name, there, by_split)
        elif listing.label_set:
            yield Finding("unused_class", name, f"index {index} is in no label map")


def _count_splits(
    listing: Listing, pairs: Sequence[PairFacts], context: Context
) -> dict[str, Counter[int]]:
    """Pixels of each class index in each split, once mended."""
    by_split: dict[str, Counter[int]] = {split: Counter() for split in listing.splits}
    for pair in pairs:
        if pair.labels and not looks_like_photo(pair.labels):
            by_split[pair.entry.split].update(context.proposal.count(pair.labels))
    return by_split


def _absences(
    index: int, name: str, there: Sequence[str], by_split: Mapping[str, Counter[int]]
) -> Iterator[Finding]:
    for split in ("train", "val"):
        if by_split.get(split) and split not in there:
            what = f"index {index} is only in {', '.join(there)}"
            yield Finding(f"absent_from_{split}", name, what)


def check_kinds(
    listing: Listing, pairs: Sequence[PairFacts], _context: Context
) -> Iterator[Finding]:
    """All pictures have the same channels, and the same bits, of which no more than 16."""
    images = [(listing.below(pair.entry.image.path), pair.image) for pair in pairs if pair.image]
    counts = Counter(image.kind for _, image in images)
    # Grey can stand for colours, so that both together are read as RGB.
    mixed = any(kind.channels not in (1, 3) for kind in counts) and len(counts) > 1
    for where, image in images:
        usual = counts.most_common(1)[0][0]
        if mixed and image.kind != usual:
            yield Finding("mixed_channels", where, f"{image.kind}; most have {usual}")
        elif image.deep and (len(counts) > 1 or image.kind.bits == 8):
            yield Finding("deep_image", where, f"pixels stored as {image.deep}")


def check_same_labels(
    listing: Listing, pairs: Sequence[PairFacts], _context: Context
) -> Iterator[Finding]:
    """Label maps are not all one and the same."""
    # A map of one value alone is reported as such.
    maps = [pair.labels for pair in pairs if pair.labels]
    digests = [facts.digest for facts in maps if len(facts.values) + len(facts.colors) > 1]
    if len(digests) >= _FEW and len(set(digests)) == 1:
        what = f"all {len(digests)} label maps are equal"
        yield Finding("same_labels", listing.below(pairs[0].entry.labels.path), what)


def check_duplicates(
    listing: Listing, pairs: Sequence[PairFacts], _context: Context
) -> Iterator[Finding]:
    """No picture is there twice."""
    first: dict[bytes, PairFacts] = {}
    for pair in pairs:
        if not pair.image:
            continue
        known = first.setdefault(pair.image.digest, pair)
        if known is not pair:
            across = known.entry.split != pair.entry.split
            yield Finding(
                "duplicate_across" if across else "duplicate_within",
                listing.below(pair.entry.image.path),
                f"the same file as {listing.below(known.entry.image.path)}",
            )


def check_near_duplicates(
    listing: Listing, pairs: Sequence[PairFacts], _context: Context
) -> Iterator[Finding]:
    """No picture of a split looks like one of another split, nor like its mirror image."""
    by_split: dict[str, list[PairFacts]] = defaultdict(list)
    for pair in pairs:
        if pair.image and pair.image.look and pair.image.mirrored:
            by_split[pair.entry.split].append(pair)
    for one, other in combinations(by_split.values(), 2):
        near = {right: (left, bits) for left, right, bits in near_pairs(_looks(one), _looks(other))}
        for right, (left, bits) in near.items():
            if not _same_file(one[left], other[right]):
                yield _likeness("near_duplicate_across", "", listing, one[left], other[right], bits)
        for left, right, bits in near_pairs(_looks(one), _looks(other, mirrored=True)):
            if right not in near:
                kind, how = "mirrored_across", ", mirrored"
                yield _likeness(kind, how, listing, one[left], other[right], bits)


def _same_file(one: PairFacts, other: PairFacts) -> bool:
    """Which is reported as such."""
    return bool(one.image and other.image and one.image.digest == other.image.digest)


def _likeness(
    kind: str, how: str, listing: Listing, one: PairFacts, other: PairFacts, bits: int
) -> Finding:
    what = f"like {listing.below(one.entry.image.path)}{how}: {bits} of 128 bits differ"
    return Finding(kind, listing.below(other.entry.image.path), what)


def _looks(pairs: Sequence[PairFacts], *, mirrored: bool = False) -> NDArray[np.uint8]:
    images = [pair.image for pair in pairs if pair.image]
    looks = [look for i in images if (look := i.mirrored if mirrored else i.look)]
    return np.frombuffer(b"".join(looks), np.uint8).reshape(len(looks), -1)


def near_pairs(
    one: NDArray[np.uint8], other: NDArray[np.uint8], *, most_bits: int = NEAR_BITS
) -> Iterator[tuple[int, int, int]]:
    """For each hash of ``other`` the nearest of ``one``, if it is near enough.

    Args:
        one: (N, 16) hashes.
        other: (M, 16) hashes.
        most_bits: How many bits may differ.

    Yields:
        Place in ``one``, place in ``other``, bits that differ.
    """
    ones = np.array([value.bit_count() for value in range(256)], np.uint8)
    for start in range(0, len(other), _ROWS):
        part = other[start : start + _ROWS]
        bits = np.zeros((len(part), len(one)), np.uint8)
        for byte in range(one.shape[1]):
            bits += ones[part[:, byte, None] ^ one[None, :, byte]]
        best = bits.argmin(axis=1)
        for row in np.flatnonzero(bits.min(axis=1) <= most_bits).tolist():
            yield int(best[row]), start + row, int(bits[row, best[row]])


SET_CHECKS: Mapping[str, Callable[[Listing, Sequence[PairFacts], Context], Iterator[Finding]]] = {
    "classes": check_classes,
    "kinds": check_kinds,
    "same labels": check_same_labels,
    "duplicates": check_duplicates,
    "near duplicates": check_near_duplicates,
}
"""What the pairs of a dataset are asked together."""
