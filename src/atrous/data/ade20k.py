"""ADE20K as the scene parsing benchmark cut it (ADEChallengeData2016): 150 classes and other."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from atrous.data.folders import find_files, match
from atrous.data.layout import Layout, Listing
from atrous.data.sample import LabelFile
from atrous.labels import ADE20K, LabelSet

ADE20K_150 = LabelSet(ADE20K.names[1:], ADE20K.palette[1:])
"""The 150 classes that are evaluated, from 0; other is 255."""
_FROM_ONE = {0: 255, **{value: value - 1 for value in range(1, 151)}}
_AS_RELEASED = {0: 255}
_BASES = (".", "ADEChallengeData2016")
_SPLITS = ("training", "validation")


def find(root: Path) -> str | None:
    """Folders images/training and annotations/training with names as the release gives them."""
    base = _base(root)
    if base is None:
        return None
    where = "" if base == root else f"{base.name}/"
    return f"{where}images/training beside {where}annotations/training, files ADE_..."


def splits(root: Path) -> tuple[str, ...]:
    """``training`` and ``validation``, which are opened as ``train`` and ``val`` too."""
    base = _base(root) or root
    return tuple(split for split in _SPLITS if (base / "images" / split).is_dir())


def _listing(root: Path, split: str, *, values: Mapping[int, int]) -> Listing:
    """Pictures with the labels of their names; other is ignored."""
    base = _base(root) or root
    labels = base / "annotations" / split
    return match(
        find_files(base / "images" / split, root),
        find_files(labels, root),
        source=partial(LabelFile, values=values),
        where=str(labels),
    )


def _base(root: Path) -> Path | None:
    for name in _BASES:
        base = root / name
        for split in _SPLITS:
            images, labels = base / "images" / split, base / "annotations" / split
            if labels.is_dir() and next(images.glob("ADE_*"), None):
                return base
    return None


def _label_set_150(root: Path, split: str) -> LabelSet:  # noqa: ARG001, the classes are fixed
    return ADE20K_150


def _label_set_151(root: Path, split: str) -> LabelSet:  # noqa: ARG001, the classes are fixed
    return ADE20K


LAYOUT = Layout(
    looks="images/training beside annotations/training with files ADE_...",
    find=find,
    splits=splits,
    listing=partial(_listing, values=_FROM_ONE),
    label_set=_label_set_150,
)
"""Wall is class 0, as most papers count."""
LAYOUT_151 = Layout(
    looks="the same as ade20k, never chosen by itself: 0 is other and wall is class 1",
    find=find,
    splits=splits,
    listing=partial(_listing, values=_AS_RELEASED),
    label_set=_label_set_151,
)
"""As the TensorFlow release counts: class 0 is other, which is ignored and never learned."""
