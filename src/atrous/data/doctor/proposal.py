"""The mapping that would mend a dataset's labels, and label maps mended by it."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from atrous.data.doctor.colors import (
    VOID,
    classes_from_colors,
    clustered_colors,
    distance,
    main_colors,
    nearest,
    recognize,
)
from atrous.data.doctor.facts import LabelFacts, color_codes
from atrous.data.doctor.values import IGNORE, Diagnosis, diagnose_mixed, diagnose_values
from atrous.imaging import LabelMap
from atrous.labels import Color, LabelSet, distinct_palette, numbered_label_set

_SCATTER = 40
"""So far from their own colour JPEG moves most pixels of a flat area, in RGB."""


@dataclass(frozen=True)
class Proposal:
    """What numbers and colours in the label files should become, and why.

    With nothing to mend it only says what the classes are.
    """

    label_set: LabelSet
    values: Mapping[int, int] = field(default_factory=dict)
    """Class index by stored value; values not named stay."""
    colors: Mapping[Color, int] = field(default_factory=dict)
    """Class index by colour."""
    main: frozenset[Color] = frozenset()
    """The colours that stand for something; others are mixtures of them."""
    notes: tuple[str, ...] = ()
    """What was assumed."""
    diagnosis: Diagnosis | None = None
    changes: bool = False
    """Whether any label would become another than the dataset makes of it."""

    def apply(self, pixels: NDArray[np.generic]) -> LabelMap:
        """Mend a label map.

        Args:
            pixels: (H, W) numbers or (H, W, 3) colours, as stored.

        Returns:
            (H, W) class indices; colours that are not named take the nearest that is.
        """
        codes = color_codes(pixels) if pixels.ndim == 3 else pixels
        stored, inverse = np.unique(codes, return_inverse=True)
        if pixels.ndim == 3:
            found = [self._of_color((c >> 16, c >> 8 & 255, c & 255)) for c in stored.tolist()]
        else:
            found = [self.values.get(value, value) for value in stored.tolist()]
        mended = np.array(found)[inverse].reshape(codes.shape)
        return mended.astype(np.uint8) if max(found) < 256 else mended.astype(np.uint16)

    def _of_color(self, color: Color) -> int:
        named = self.colors.get(color)
        if named is not None:
            return named
        palette = self.label_set.palette
        return palette.index(nearest(color, palette))

    def count(self, facts: LabelFacts) -> Counter[int]:
        """Pixels of each class index in a label map once mended."""
        counts: Counter[int] = Counter()
        for value, count in facts.values.items():
            counts[self.values.get(value, value)] += count
        for color, count in facts.colors.items():
            counts[self._of_color(color) if self.colors else self.label_set.ignore_index] += count
        return counts


def propose(
    labels: Iterable[LabelFacts],
    label_set: LabelSet | None,
    *,
    values: Mapping[int, int] | None = None,
    colors: Mapping[Color, int] | None = None,
    ignore_index: int = IGNORE,
) -> Proposal:
    """Find what would mend all label maps of a dataset at once.

    Args:
        labels: What was read of each label map that belongs to no photograph.
        label_set: What the dataset says of its classes; None where it says nothing.
        values: The dataset's own mapping of stored values.
        colors: The dataset's own mapping of colours.
        ignore_index: Value of ignored pixels where there is no label set.
    """
    given = values or {}
    numbers: Counter[int] = Counter()
    painted: Counter[Color] = Counter()
    held: list[set[int]] = []
    lossy = incomplete = False
    for facts in labels:
        held.append({given.get(value, value) for value in facts.values})
        for value, count in facts.values.items():
            numbers[given.get(value, value)] += count
        painted.update(facts.colors)
        lossy = lossy or facts.lossy is not None
        incomplete = incomplete or facts.left_out > 0
    limits = _limits(lossy=lossy, incomplete=incomplete)
    if painted:
        found = _from_colors(painted, storable(label_set), colors or {}, given, lossy=lossy)
        return replace(found, notes=(*found.notes, *limits))
    mixed = None if lossy else diagnose_mixed(held, label_set)
    diagnosis = mixed or diagnose_values(numbers, label_set, ignore_index=ignore_index, lossy=lossy)
    stored = storable(label_set)
    moved = dict(diagnosis.values) if diagnosis else {}
    if label_set and stored:
        outside = {label_set.ignore_index: stored.ignore_index}
        moved = {value: outside.get(index, index) for value, index in moved.items()}
    mended = {moved.get(value, value) for value in numbers}
    composed = {value: moved.get(index, index) for value, index in given.items()}
    return Proposal(
        label_set=_classes_for(mended, stored, diagnosis, ignore_index),
        values={**moved, **composed},
        diagnosis=diagnosis,
        notes=(*_assumptions(diagnosis, label_set), *limits),
        changes=bool(diagnosis and (diagnosis.values or diagnosis.names)),
    )


def storable(label_set: LabelSet | None) -> LabelSet | None:
    """The same classes with an ignore_index that a label file can hold."""
    if label_set is None or 0 <= label_set.ignore_index <= 65_535:
        return label_set
    return replace(label_set, ignore_index=IGNORE if label_set.num_classes <= IGNORE else 65_535)


def _classes_for(
    indices: Iterable[int],
    label_set: LabelSet | None,
    diagnosis: Diagnosis | None,
    ignore_index: int,
) -> LabelSet:
    if diagnosis and diagnosis.names:
        palette = distinct_palette(len(diagnosis.names))
        return LabelSet(diagnosis.names, palette, label_set.ignore_index if label_set else IGNORE)
    if label_set:
        return label_set
    ignored = {ignore_index}
    if diagnosis and IGNORE in diagnosis.values.values():
        ignored.add(IGNORE)
    highest = max((i for i in indices if 0 <= i <= 65_535 and i not in ignored), default=0)
    free = next((v for v in (ignore_index, IGNORE) if v > highest), 65_535)
    return numbered_label_set(highest + 1, ignore_index=free)


def _assumptions(diagnosis: Diagnosis | None, label_set: LabelSet | None) -> tuple[str, ...]:
    if diagnosis is None:
        return ()
    notes = []
    if label_set is None:
        notes.append("the dataset names no classes; the names here are made up")
    if diagnosis.kind == "mixed_binary":
        notes.append("255 is taken for class 1, for no label map holds it beside a 1; if it marks")
        notes.append("ignored pixels, leave the labels as they are")
    if diagnosis.kind == "unnamed_background":
        notes.append("index 0 is taken for a background that the names leave out")
    if diagnosis.kind == "unknown_ids":
        notes.append("pixels whose index has no name are ignored")
    return tuple(notes)


def _limits(*, lossy: bool, incomplete: bool) -> tuple[str, ...]:
    """What keeps a description from mending the labels where they are."""
    if lossy:
        return ("label maps stored with loss are refused: only a mended copy can be read",)
    if incomplete:
        return ("there are more colours than are listed here: only a mended copy can be read",)
    return ()


def _from_colors(
    painted: Counter[Color],
    label_set: LabelSet | None,
    given: Mapping[Color, int],
    values: Mapping[int, int],
    *,
    lossy: bool,
) -> Proposal:
    main = clustered_colors(painted) if lossy else main_colors(painted)
    notes: tuple[str, ...] = ()
    if label_set and (given or set(main) & set(label_set.palette)):
        chosen = label_set
    elif found := recognize(painted, within=_SCATTER if lossy else 0):
        notes, chosen = (f"the colours are those of {found[0]}",), found[1]
        # Classes that are rare would else be taken for mixtures of frequent ones.
        main += [color for color in painted if color in {*chosen.palette, *VOID}]
    else:
        notes = ("the dataset does not say what its colours mean; the names here are made up",)
        chosen = classes_from_colors(main)
    if lossy:
        notes += ("colours were stored with loss: classes of few pixels may be missing here",)
    named = given or {color: index for index, color in enumerate(chosen.palette)}
    mapping = dict(named)
    for color in sorted(painted.keys() - named.keys()):
        near = nearest(color, list(named))
        # A frequent colour is a class of its own and not the edge of another one.
        own = color in main and distance(color, near) > (_SCATTER if lossy else 0)
        mapping[color] = chosen.ignore_index if own or color in VOID else named[near]
    changes = not painted.keys() <= given.keys()
    return Proposal(chosen, values, mapping, frozenset(main), notes, changes=changes)
