"""Checks of one pair: what its files are, and whether they fit each other."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from atrous.data.doctor.borders import smoothed_values
from atrous.data.doctor.facts import ImageFacts, LabelFacts, PairFacts
from atrous.data.doctor.proposal import Proposal
from atrous.labels import Color

Found: TypeAlias = tuple[str, str]
"""A kind, and what was found."""

_TINY = 16
_LONG = 20
_PHOTO_COLORS = 64
_PHOTO_SHARE = 0.5


@dataclass(frozen=True)
class Context:
    """What the whole dataset says, for the checks of a pair."""

    proposal: Proposal
    colors: Mapping[Color, int]
    """The colours that the dataset gives a meaning to."""
    values: Mapping[int, int]
    """The dataset's own mapping of values."""


def looks_like_photo(labels: LabelFacts) -> bool:
    """Whether a label map has so many colours that it can only be a photograph."""
    if not labels.colors:
        return False
    common = sorted(labels.colors.values(), reverse=True)[:_PHOTO_COLORS]
    return sum(common) < _PHOTO_SHARE * (sum(labels.colors.values()) + labels.left_out)


def check_readable(pair: PairFacts, _context: Context) -> Iterator[Found]:
    """Both files can be decoded."""
    if pair.image_error:
        yield "damaged_image", pair.image_error
    if pair.labels_error:
        yield "damaged_labels", pair.labels_error


def check_image(pair: PairFacts, _context: Context) -> Iterator[Found]:
    """The picture is an ordinary one."""
    image = pair.image
    if image is None:
        return
    height, width = image.size
    if image.complaint:
        yield "corrupt_image", f"libjpeg: {image.complaint}"
    if image.frames > 1:
        yield "frames", f"{image.frames} frames or pages"
    if image.transparent:
        yield "transparent_image", "some pixels are transparent"
    if min(height, width) < _TINY:
        yield "tiny_image", f"{width} x {height}"
    elif max(height, width) > _LONG * min(height, width):
        yield "long_image", f"{width} x {height}"


def check_size(pair: PairFacts, _context: Context) -> Iterator[Found]:
    """Picture and labels cover the same pixels."""
    image, labels = pair.image, pair.labels
    if image is None or labels is None:
        return
    if is_turned(image, labels):
        yield (
            "turned_labels",
            f"the picture's EXIF orientation is {image.orientation}, the labels are "
            f"{labels.size[1]} x {labels.size[0]}, as the picture before it is turned",
        )
    elif labels.size != image.size:
        yield (
            "size_mismatch",
            f"labels {labels.size[1]} x {labels.size[0]}, "
            f"picture {image.size[1]} x {image.size[0]}",
        )


def is_turned(image: ImageFacts, labels: LabelFacts) -> bool:
    """Whether labels fit a picture only before its EXIF tag turns it."""
    return labels.size == image.stored_size != image.size


def check_storage(pair: PairFacts, _context: Context) -> Iterator[Found]:
    """Labels are stored without loss, as one whole number of 8 bits for each pixel."""
    labels = pair.labels
    if labels is None:
        return
    if labels.lossy:
        yield "lossy_labels", f"stored as {labels.lossy}, {_describe_contents(labels)}"
    if labels.packing.startswith("F"):
        yield "float_labels", f"numbers stored as {labels.packing}"
    elif labels.values and labels.channels > 1 and not labels.lossy:
        yield "three_channels", f"{labels.channels} channels, of which the colours are all equal"
    elif labels.values and labels.packing.startswith("I") and max(labels.values) < 256:
        yield "deep_labels", f"stored as {labels.packing}, the largest index is {_highest(labels)}"


def _highest(labels: LabelFacts) -> int:
    return max(labels.values)


def _describe_contents(labels: LabelFacts) -> str:
    if labels.colors:
        return f"{len(labels.colors)}{' and more' if labels.left_out else ''} colours"
    return f"{len(labels.values)} values"


def check_colors(pair: PairFacts, context: Context) -> Iterator[Found]:
    """Colours, if there are any, are those that the dataset names."""
    labels = pair.labels
    if labels is None or not labels.colors:
        return
    if looks_like_photo(labels):
        yield "photo_labels", _describe_contents(labels)
        return
    unknown = {c: n for c, n in labels.colors.items() if c not in context.colors}
    if not unknown or labels.lossy:
        return
    mixed = unknown.keys() - context.proposal.main
    if mixed:
        yield "blended_colors", f"{len(mixed)} of {len(labels.colors)} colours are mixtures"
    elif context.colors:
        yield "unknown_colors", f"{len(unknown)} colours, {_most_frequent(unknown)}"
    else:
        yield "color_labels", f"{len(unknown)} colours, {_most_frequent(unknown)}"


def _most_frequent(colors: Mapping[Color, int]) -> str:
    (red, green, blue), count = max(colors.items(), key=lambda item: item[1])
    return f"first #{red:02x}{green:02x}{blue:02x} on {count} pixels"


def check_values(pair: PairFacts, context: Context) -> Iterator[Found]:
    """Numbers are those of the classes."""
    labels, diagnosis = pair.labels, context.proposal.diagnosis
    if labels is None or diagnosis is None or labels.lossy:
        return
    seen = {context.values.get(value, value): value for value in labels.values}
    bad = sorted(seen[value] for value in seen.keys() & diagnosis.bad)
    if bad:
        more = f" and {len(bad) - 8} more" if len(bad) > 8 else ""
        pixels = sum(labels.values[value] for value in bad)
        listed = ", ".join(str(value) for value in bad[:8])
        yield diagnosis.kind, f"values {listed}{more} on {pixels} pixels"


def check_borders(pair: PairFacts, context: Context) -> Iterator[Found]:
    """Borders are sharp."""
    labels, diagnosis = pair.labels, context.proposal.diagnosis
    if labels is None or labels.borders is None or labels.lossy:
        return
    if diagnosis and diagnosis.kind == "blended_ids":
        return  # the same fault, and one that a mapping mends
    values = smoothed_values(labels.borders)
    if values and not context.values.keys() & set(values):  # else the dataset says what they mean
        bands, borders = labels.borders.bands, labels.borders.bands + labels.borders.sharp
        listed = ", ".join(map(str, values[:8])) + (" ..." if len(values) > 8 else "")
        yield "stepped_ids", f"{bands} of {borders} borders along rows go in steps, over {listed}"


def check_ignored(pair: PairFacts, context: Context) -> Iterator[Found]:
    """Some pixel has a class."""
    labels = pair.labels
    if labels is None or looks_like_photo(labels):
        return
    counts = context.proposal.count(labels)
    if set(counts) == {context.proposal.label_set.ignore_index}:
        yield "all_ignored", f"all {sum(counts.values())} pixels are ignored"


PAIR_CHECKS: tuple[Callable[[PairFacts, Context], Iterator[Found]], ...] = (
    check_readable,
    check_image,
    check_size,
    check_storage,
    check_colors,
    check_values,
    check_borders,
    check_ignored,
)
"""What each pair is asked."""

OF_IMAGES = frozenset(
    (
        *("damaged_image", "corrupt_image", "frames"),
        *("transparent_image", "tiny_image", "long_image"),
    )
)
"""Kinds whose place is the picture; that of all others is the label map."""
