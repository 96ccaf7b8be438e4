"""What can be wrong with a dataset: the kinds, how bad each is, and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning"]
"""Training stops at an error, or learns something else than was meant; a warning asks to look."""


@dataclass(frozen=True)
class Kind:
    """One kind of fault."""

    severity: Severity
    title: str
    advice: str


@dataclass(frozen=True)
class Finding:
    """One fault in one place."""

    kind: str
    """Key into `KINDS`."""
    where: str
    """A file below the root, a split, or a class."""
    what: str
    """What was found there."""


KINDS: Mapping[str, Kind] = {
    "bad_description": Kind("error", "dataset.toml is wrong", "correct the line named here"),
    "missing_split": Kind(
        "error", "a split is missing", "deal the pictures anew: atrous data split DATA --out FOLDER"
    ),
    "empty_split": Kind(
        "error",
        "a split holds no pair, or cannot be listed",
        "mend what is named here, fill the split or remove it",
    ),
    "missing_labels": Kind(
        "error", "pictures without labels", "add the label map, or take the picture out"
    ),
    "missing_image": Kind(
        "error", "labels without a picture", "add the picture, or take the label map out"
    ),
    "case_mismatch": Kind(
        "error", "partners differ in upper and lower case", "give both the same name"
    ),
    "case_clash": Kind(
        "warning",
        "names that differ only in case",
        "rename one: on some systems one file replaces the other",
    ),
    "same_stem": Kind(
        "error", "several files for one name", "keep one of them: the ending does not tell a pair"
    ),
    "outside_root": Kind(
        "error", "links that lead out of the dataset", "copy the file into the dataset's folder"
    ),
    "link": Kind("warning", "symbolic links", "copy the file: archives and copies lose links"),
    "damaged_image": Kind(
        "error", "pictures that cannot be read", "fetch the file again, or take the pair out"
    ),
    "damaged_labels": Kind(
        "error", "label maps that cannot be read", "fetch the file again, or take the pair out"
    ),
    "corrupt_image": Kind(
        "warning",
        "pictures with damaged data that decode all the same",
        "look whether a part is grey or shifted; fetch the file again",
    ),
    "deep_image": Kind(
        "warning",
        "pictures of more than 8 bits a channel among others, or of 32",
        "they are scaled to 0 to 255 while reading; store all pictures with 16 bits to have them "
        "read as they are",
    ),
    "mixed_channels": Kind(
        "error",
        "pictures whose channels are not those of the others",
        "store all pictures with the same channels, or take these out",
    ),
    "frames": Kind(
        "warning", "animations and stacks of pages", "only the first is read; store it alone"
    ),
    "transparent_image": Kind(
        "warning", "pictures with transparent pixels", "they are laid on white; store them as RGB"
    ),
    "tiny_image": Kind("warning", "pictures of hardly any pixels", "look whether they belong here"),
    "long_image": Kind(
        "warning", "pictures far longer than wide", "cut them into pieces of a usual shape"
    ),
    "size_mismatch": Kind(
        "error", "labels and picture differ in size", "export the labels at the picture's size"
    ),
    "turned_labels": Kind(
        "error",
        "labels lie as the picture is stored, not as its EXIF tag turns it",
        "turn the labels, which a corrected copy does",
    ),
    "lossy_labels": Kind(
        "error",
        "label maps stored with loss (JPEG)",
        "export them as PNG; a corrected copy takes the nearest main value where that is clear",
    ),
    "color_labels": Kind(
        "error", "label maps that hold colours", "map each colour to a class index"
    ),
    "blended_colors": Kind(
        "error",
        "colours mixed along edges (anti-aliased)",
        "export without smoothing; a corrected copy takes the nearest main colour",
    ),
    "unknown_colors": Kind(
        "error", "colours that the palette does not have", "add them to the palette or repaint them"
    ),
    "photo_labels": Kind(
        "error", "photographs where labels should be", "look whether the folders are swapped"
    ),
    "three_channels": Kind(
        "error",
        "class indices stored three times, as RGB",
        "store one channel, which a corrected copy does",
    ),
    "blended_ids": Kind(
        "error",
        "values mixed along edges (smoothed or resized)",
        "export without smoothing; a corrected copy takes the nearest main value",
    ),
    "stepped_ids": Kind(
        "error",
        "indices of other classes along borders (resized with smoothing)",
        "export again, resized to the nearest pixel: no mapping can tell these from true ones",
    ),
    "float_labels": Kind(
        "error", "label maps of floating point numbers", "store whole numbers with 8 bits, as PNG"
    ),
    "binary_255": Kind("error", "masks of 0 and 255", "map 255 to class 1"),
    "mixed_binary": Kind(
        "error",
        "masks of 0 and 255 among masks of 0 and 1",
        "map 255 to class 1, unless it is ignored",
    ),
    "spread_ids": Kind(
        "error", "indices spread over the greys", "map each grey to the class it stands for"
    ),
    "off_by_one": Kind("error", "indices begin at 1", "map each index to the one below it"),
    "unnamed_background": Kind(
        "error",
        "one index more than there are names",
        "name class 0 too, if the names leave the background out",
    ),
    "unknown_ids": Kind(
        "error", "indices without a name", "name the classes, or map these indices to ignore"
    ),
    "sparse_ids": Kind(
        "warning", "indices with large gaps", "map them to 0, 1, 2 ... or name all of them"
    ),
    "deep_labels": Kind(
        "warning", "label maps of more bits than they need", "store indices under 256 with 8 bits"
    ),
    "all_ignored": Kind(
        "warning", "label maps without any class", "label something, or take the pair out"
    ),
    "one_class": Kind(
        "error", "labels of one class alone", "see whether the export left the others out"
    ),
    "same_labels": Kind(
        "warning", "one and the same label map for every picture", "see whether the export failed"
    ),
    "unused_class": Kind(
        "warning", "classes that no picture shows", "take the name out, or add pictures"
    ),
    "absent_from_train": Kind(
        "error", "classes that training never sees", "move pictures with it into train"
    ),
    "absent_from_val": Kind(
        "warning", "classes that validation never sees", "move pictures with it into val"
    ),
    "duplicate_across": Kind(
        "error", "the same picture in two splits", "take it out of one: the score is not honest"
    ),
    "near_duplicate_across": Kind(
        "warning",
        "nearly the same picture in two splits",
        "look at both; split by place or film, not by frame",
    ),
    "mirrored_across": Kind(
        "warning",
        "a mirrored picture in another split",
        "take it out of one: training that flips pictures has seen this one",
    ),
    "duplicate_within": Kind(
        "warning", "the same picture twice in a split", "keep one, with the better labels"
    ),
}
"""Every kind of fault that is looked for, in the order of a report."""
