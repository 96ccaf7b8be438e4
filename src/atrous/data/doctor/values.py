"""What is wrong with the numbers in label maps, and which mapping would mend it."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from atrous.labels import LabelSet

IGNORE = 255
"""Marks ignored pixels where a dataset does not say."""
Counts: TypeAlias = Mapping[int, int]
"""Pixels of each value, over the dataset."""
_TWO = ("background", "foreground")
_REACH = 8
"""Values this near to a more frequent one are taken for its smoothed edges."""


@dataclass(frozen=True)
class Diagnosis:
    """One fault of a dataset's values."""

    kind: str
    bad: frozenset[int]
    """A label map is affected if it holds one of these."""
    values: Mapping[int, int] = field(default_factory=dict)
    """The class index that each value should become; values not named stay."""
    names: tuple[str, ...] | None = None
    """The class names that go with it, where they differ from the dataset's."""


def diagnose_values(
    counts: Counts, label_set: LabelSet | None, *, ignore_index: int = IGNORE, lossy: bool = False
) -> Diagnosis | None:
    """The first fault of `RULES` that fits.

    Args:
        counts: Pixels of each value over all label maps.
        label_set: What the dataset says of its classes; None where it says nothing.
        ignore_index: Value of ignored pixels where there is no label set.
        lossy: Whether label maps were stored with loss.
    """
    if not counts:
        return None
    ignore = label_set.ignore_index if label_set else ignore_index
    if lossy:
        return _blended(counts, label_set, ignore, least_values=2)
    return next(filter(None, (rule(counts, label_set, ignore) for rule in RULES)), None)


def diagnose_mixed(maps: Iterable[Collection[int]], label_set: LabelSet | None) -> Diagnosis | None:
    """Masks of 0 and 255 among masks of 0 and 1.

    A 255 that marks ignored pixels would lie beside a 1 in some map; here none does, and a tenth of
    the maps or more hold a 255.

    Args:
        maps: The values of each label map.
        label_set: What the dataset says of its classes.
    """
    held = [frozenset(values) for values in maps]
    if frozenset().union(*held) != {0, 1, 255} or (label_set and label_set.num_classes > 2):
        return None
    together = any({1, 255} <= values for values in held)
    if together or 10 * sum({0, 255} <= values for values in held) < len(held):
        return None
    names = label_set.names if label_set and label_set.num_classes == 2 else _TWO
    return Diagnosis("mixed_binary", frozenset({255}), {255: 1}, names)


def _classes(counts: Counts, ignore: int) -> list[int]:
    return sorted(set(counts) - {ignore})


def _unknown(counts: Counts, label_set: LabelSet) -> list[int]:
    return [
        v for v in _classes(counts, label_set.ignore_index) if not 0 <= v < label_set.num_classes
    ]


def _binary(counts: Counts, label_set: LabelSet | None, _ignore: int) -> Diagnosis | None:
    if set(counts) != {0, 255} or (label_set and label_set.num_classes > 2):
        return None
    two = label_set.names if label_set and label_set.num_classes == 2 else None
    return Diagnosis("binary_255", frozenset({255}), {255: 1}, two or _TWO)


def _blended(
    counts: Counts, label_set: LabelSet | None, _ignore: int, *, least_values: int = 16
) -> Diagnosis | None:
    """Few frequent values far apart, and many rare ones between them."""
    if len(counts) < least_values or (label_set and not _unknown(counts, label_set)):
        return None
    main = main_values(counts)
    if len(main) < 2 or sum(counts[value] for value in main) < 0.8 * sum(counts.values()):
        return None
    index = _indices_of(main, label_set)
    nearest = {value: index[min(main, key=lambda m: abs(m - value))] for value in counts}
    return Diagnosis("blended_ids", frozenset(counts) - frozenset(main), nearest)


def main_values(counts: Counts) -> list[int]:
    """The frequent values: no other within reach has as many pixels, and no mixture has so many.

    A value between two others that are four times as frequent is taken for a mixture of them.
    """
    peaks = [
        value
        for value, count in sorted(counts.items())
        if all(count > counts.get(value - step, 0) for step in range(1, _REACH + 1))
        and all(count >= counts.get(value + step, 0) for step in range(1, _REACH + 1))
    ]

    def mixed(value: int) -> bool:
        parents = [peak for peak in peaks if counts[peak] > 4 * counts[value]]
        return bool(parents) and min(parents) < value < max(parents)

    least = 0.005 * sum(counts.values())
    return [value for value in peaks if counts[value] >= least and not mixed(value)]


def _indices_of(values: Collection[int], label_set: LabelSet | None) -> dict[int, int]:
    """Themselves if they have names, else 0, 1, 2 ... in their order."""
    if label_set and all(v < label_set.num_classes or v == label_set.ignore_index for v in values):
        return {value: value for value in values}
    return {value: index for index, value in enumerate(sorted(values))}


def _spread(counts: Counts, label_set: LabelSet | None, _ignore: int) -> Diagnosis | None:
    """Evenly spaced from 0 on, as tools stretch indices to make them visible."""
    seen = sorted(counts)
    if len(seen) < 3 or seen[0] != 0 or (label_set and not _unknown(counts, label_set)):
        return None
    step = seen[-1] / (len(seen) - 1)
    fits = label_set is None or len(seen) <= label_set.num_classes
    if step < 2 or not fits or any(abs(v - i * step) > 1 for i, v in enumerate(seen)):
        return None
    return Diagnosis(
        "spread_ids", frozenset(seen[1:]), {v: i for i, v in enumerate(seen) if v != i}
    )


def _off_by_one(counts: Counts, label_set: LabelSet | None, ignore: int) -> Diagnosis | None:
    seen = _classes(counts, ignore)
    if len(seen) < 2 or seen[0] != 1:
        return None
    wanted = label_set.num_classes if label_set else len(seen)
    if seen[-1] != wanted:
        return None
    lowered = {value: value - 1 for value in seen}
    # A 0 that marks ignored pixels makes way for class 0.
    return Diagnosis("off_by_one", frozenset(seen), lowered | ({0: IGNORE} if 0 in counts else {}))


def _unnamed_background(
    counts: Counts, label_set: LabelSet | None, _ignore: int
) -> Diagnosis | None:
    if not label_set or 0 not in counts or "background" in label_set.names:
        return None
    if _unknown(counts, label_set) != [label_set.num_classes]:
        return None
    bad = frozenset({label_set.num_classes})
    return Diagnosis("unnamed_background", bad, names=("background", *label_set.names))


def _unknown_ids(counts: Counts, label_set: LabelSet | None, ignore: int) -> Diagnosis | None:
    if label_set:
        unknown = _unknown(counts, label_set)
    else:
        unknown = [value for value in counts if not 0 <= value <= 65_535]
    if not unknown:
        return None
    return Diagnosis("unknown_ids", frozenset(unknown), dict.fromkeys(unknown, ignore))


def _sparse(counts: Counts, label_set: LabelSet | None, ignore: int) -> Diagnosis | None:
    seen = _classes(counts, ignore)
    if label_set or len(seen) < 2 or seen[-1] + 1 < 2 * len(seen):
        return None
    moved = {value: index for index, value in enumerate(seen) if value != index}
    return Diagnosis("sparse_ids", frozenset(moved), moved)


def _one_class(counts: Counts, label_set: LabelSet | None, ignore: int) -> Diagnosis | None:
    seen = _classes(counts, ignore)
    if len(seen) > 1 or (label_set and label_set.num_classes == 1):
        return None
    return Diagnosis("one_class", frozenset())


RULES: tuple[Callable[[Counts, LabelSet | None, int], Diagnosis | None], ...] = (
    _binary,
    _spread,
    _blended,
    _off_by_one,
    _unnamed_background,
    _unknown_ids,
    _sparse,
    _one_class,
)
"""What can be wrong with values, the more certain before the less."""
