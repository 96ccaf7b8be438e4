"""Pictures with labels: layouts on disk, augmentation, batches."""

from collections.abc import Mapping

from atrous.data import camvid, paired
from atrous.data.layout import Fault, Layout, Listing, Split
from atrous.data.sample import ImageSource, LabelSource, Pair, PairList, Sample

DATASETS: Mapping[str, Layout] = {
    "camvid": camvid.LAYOUT,
    "paired": paired.LAYOUT,
}
"""Layouts by name; where several fit a folder, the first is taken."""

__all__ = [
    "DATASETS",
    "Fault",
    "ImageSource",
    "LabelSource",
    "Layout",
    "Listing",
    "Pair",
    "PairList",
    "Sample",
    "Split",
]
