"""Cityscapes: leftImg8bit beside gtFine, folders of cities in folders of splits."""

from pathlib import Path

from atrous.data.folders import Found, find_files, match
from atrous.data.layout import Layout, Listing
from atrous.data.sample import LabelFile, LabelSource
from atrous.labels import CITYSCAPES, LabelSet

LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
"""The labelId of each trainId, by the table of the official scripts."""
_TRAIN_IDS = {
    **dict.fromkeys(range(34), 255),
    **{label_id: train_id for train_id, label_id in enumerate(LABEL_IDS)},
}
_SPLITS = ("train", "val", "test", "train_extra", "demoVideo")


def find(root: Path) -> str | None:
    """Folders leftImg8bit and gtFine (or gtCoarse) with a split in both."""
    there = splits(root)
    return f"leftImg8bit/{there[0]} beside {_labels(root, there[0]).name}" if there else None


def splits(root: Path) -> tuple[str, ...]:
    """Splits that have both folders."""
    return tuple(
        split
        for split in _SPLITS
        if (root / "leftImg8bit" / split).is_dir() and (_labels(root, split) / split).is_dir()
    )


def listing(root: Path, split: str) -> Listing:
    """Pictures with their labelTrainIds where there are some, else their labelIds, mapped."""
    labels = _labels(root, split) / split
    found = find_files(labels, root)
    kind = labels.parent.name
    files = _ending_with(found, f"_{kind}_labelTrainIds") or _ending_with(
        found, f"_{kind}_labelIds"
    )
    faults = [fault for fault in found.faults if fault.path.stem.endswith("Ids")]
    pictures = find_files(root / "leftImg8bit" / split, root)
    pictures.files = {
        name.removesuffix("_leftImg8bit"): path for name, path in pictures.files.items()
    }
    return match(pictures, Found(files, faults), source=_source, where=str(labels))


def label_set(root: Path, split: str) -> LabelSet:  # noqa: ARG001, the classes are fixed
    """The 19 classes that are evaluated."""
    return CITYSCAPES


def _labels(root: Path, split: str) -> Path:
    """gtFine, or gtCoarse for splits that have only that."""
    fine, coarse = root / "gtFine", root / "gtCoarse"
    return coarse if (coarse / split).is_dir() and not (fine / split).is_dir() else fine


def _ending_with(found: Found, ending: str) -> dict[str, Path]:
    return {
        name.removesuffix(ending): path
        for name, path in found.files.items()
        if name.endswith(ending)
    }


def _source(path: Path) -> LabelSource:
    mapped = not path.stem.endswith("TrainIds")
    return LabelFile(path, values=_TRAIN_IDS if mapped else None)


LAYOUT = Layout(
    looks="leftImg8bit/train/CITY beside gtFine/train/CITY",
    find=find,
    splits=splits,
    listing=listing,
    label_set=label_set,
)
