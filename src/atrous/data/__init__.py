"""Pictures with labels: layouts on disk, augmentation, batches."""

from collections.abc import Mapping

from atrous.data import (
    ade20k,
    beside,
    camvid,
    cityscapes,
    coco,
    cvat,
    huggingface,
    labelme,
    nnunet,
    paired,
    sbd,
    shards,
    tables,
    voc,
    yolo,
)
from atrous.data.layout import Fault, Layout, Listing, Split
from atrous.data.sample import ImageSource, LabelSource, Pair, PairList, Sample

DATASETS: Mapping[str, Layout] = {
    "camvid": camvid.LAYOUT,
    "cityscapes": cityscapes.LAYOUT,
    "voc": voc.LAYOUT,
    "sbd": sbd.LAYOUT,
    "ade20k": ade20k.LAYOUT,
    "ade20k-151": ade20k.LAYOUT_151,
    "nnunet": nnunet.LAYOUT,
    "yolo": yolo.LAYOUT,
    "coco": coco.LAYOUT,
    "cvat": cvat.LAYOUT,
    "labelme": labelme.LAYOUT,
    "paddleseg": tables.PADDLESEG,
    "csv": tables.CSV,
    "jsonl": tables.JSON_LINES,
    "webdataset": shards.LAYOUT,
    "huggingface": huggingface.LAYOUT,
    "paired": paired.LAYOUT,
    "beside": beside.LAYOUT,
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
