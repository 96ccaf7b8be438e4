"""Write the mended labels: into a copy of the dataset, or as a ``dataset.toml``."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from atrous.data.description import DATASET_FILE
from atrous.data.doctor.check import Report
from atrous.data.doctor.facts import PairFacts, read_label_pixels
from atrous.data.doctor.pair_checks import is_turned, looks_like_photo
from atrous.data.doctor.proposal import Proposal
from atrous.data.sample import LabelFile
from atrous.data.write import description_of, whole_folder, write_description, write_pair
from atrous.errors import ResourceError
from atrous.imaging import LabelMap


@dataclass(frozen=True)
class Copied:
    """What became of a pair."""

    pair: PairFacts
    left_out: str | None
    """Why it is not in the copy; None if it is."""


def describe_as_toml(proposal: Proposal, *, with_mapping: bool = True) -> str:
    """The text of a ``dataset.toml`` that says what the labels mean.

    Args:
        proposal: Classes, and what stored values become.
        with_mapping: Whether the files stay as they are and need the mapping.
    """
    label_map = _label_map(proposal) if with_mapping else ()
    return description_of(proposal.label_set, notes=proposal.notes, label_map=label_map)


def _label_map(proposal: Proposal) -> list[str]:
    """Lines for values that move, and for colours that the palette does not give their class."""
    palette = {color: index for index, color in enumerate(proposal.label_set.palette)}
    lines = [
        f"{value} = {index}" for value, index in sorted(proposal.values.items()) if value != index
    ]
    for (red, green, blue), index in sorted(proposal.colors.items()):
        if palette.get((red, green, blue)) != index:
            lines.append(f'"#{red:02x}{green:02x}{blue:02x}" = {index}')
    return lines


def write_proposal(report: Report, path: Path) -> None:
    """Write the proposed ``dataset.toml``.

    Raises:
        ResourceError: If the file is there already, or cannot be written.
    """
    write_description(describe_as_toml(report.proposal), path)


def mended_labels(pair: PairFacts, proposal: Proposal) -> LabelMap:
    """Read a label map and mend it: its values or colours, and how it lies.

    Raises:
        InputError: If it cannot be read any more.
    """
    source = pair.entry.labels
    if isinstance(source, LabelFile):
        pixels, _, _, channels = read_label_pixels(source.path)
        if pixels.ndim == 2 and channels > 1 and proposal.colors:
            pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    else:
        pixels = source.read(pair.image.size if pair.image else (0, 0))
    labels = proposal.apply(pixels)
    if pair.image and pair.labels and is_turned(pair.image, pair.labels):
        labels = _TURNS[pair.image.orientation](labels)
    return labels


_TURNS: dict[int, Callable[[LabelMap], LabelMap]] = {
    5: lambda labels: labels.T,
    6: lambda labels: np.rot90(labels, -1),
    7: lambda labels: np.rot90(labels, 2).T,
    8: lambda labels: np.rot90(labels, 1),
}
"""By EXIF's number, what lays a map as the tag lays its picture; 2 to 4 keep the size."""


def write_copy(report: Report, folder: Path) -> Iterator[Copied]:
    """Write the dataset anew, mended, as folders ``SPLIT/images`` and ``SPLIT/masks``.

    Pictures are copied as they are, labels become index PNGs, and ``dataset.toml`` names the
    classes. Pairs that no mapping can mend are left out, each with its reason.

    Args:
        report: What was found in the dataset.
        folder: Where to; must not be there yet, nor lie inside the dataset. It is there only once
            all is written.

    Yields:
        What became of each pair, as it happens.

    Raises:
        ResourceError: If ``folder`` is there, lies inside the dataset or cannot be written.
        InputError: If a label map cannot be read any more.
    """
    if folder.resolve().is_relative_to(report.listing.root.resolve()):
        raise ResourceError(f"{folder}: lies inside the dataset; give a place outside of it")
    description = describe_as_toml(report.proposal, with_mapping=False)
    with whole_folder(folder) as unfinished:
        write_description(description, unfinished / DATASET_FILE)
        taken: set[str] = set()
        for pair in report.pairs:
            reason = _why_not(pair, taken)
            if reason is None:
                labels = mended_labels(pair, report.proposal)
                entry, label_set = pair.entry, report.proposal.label_set
                write_pair(entry.name, entry.image, labels, label_set, unfinished / entry.split)
            yield Copied(pair, reason)


def _why_not(pair: PairFacts, taken: set[str]) -> str | None:
    """Why a pair cannot be in a copy; remembers its name if it can."""
    image, labels = pair.image, pair.labels
    if image is None or labels is None:
        return pair.image_error or pair.labels_error or "cannot be read"
    if looks_like_photo(labels):
        return "its labels are a photograph"
    if labels.size != image.size and not is_turned(image, labels):
        return "its labels are of another size"
    # Files whose names differ in case alone cannot be copied to every file system.
    name = f"{pair.entry.split}/{pair.entry.name}".casefold()
    if name in taken:
        return "another pair has its name, but for case"
    taken.add(name)
    return None


def left_out(copied: Sequence[Copied]) -> dict[str, str]:
    """Names of pairs that a copy lacks, with the reason."""
    return {f"{c.pair.entry.split}/{c.pair.entry.name}": c.left_out for c in copied if c.left_out}
