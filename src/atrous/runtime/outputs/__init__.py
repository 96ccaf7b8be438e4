"""The kinds of output: a file each in this package, and a line each in the catalogue."""

from atrous.runtime.outputs.coco import COCO
from atrous.runtime.outputs.cvat import CVAT
from atrous.runtime.outputs.geojson import GEOJSON
from atrous.runtime.outputs.labelme import LABELME
from atrous.runtime.outputs.numbers import NPZ, PROBS
from atrous.runtime.outputs.output import Item, Job, Output
from atrous.runtime.outputs.pictures import COLOR, CUTOUT, MASK, OVERLAY, PICTURE, PROB
from atrous.runtime.outputs.yolo import YOLO

__all__ = ["OUTPUTS", "Item", "Job", "Output"]

OUTPUTS: dict[str, Output] = {
    "mask": MASK,
    "color": COLOR,
    "overlay": OVERLAY,
    "cutout": CUTOUT,
    "prob": PROB,
    "npz": NPZ,
    "probs": PROBS,
    "geojson": GEOJSON,
    "labelme": LABELME,
    "coco": COCO,
    "cvat": CVAT,
    "yolo": YOLO,
    "picture": PICTURE,
}
"""Kinds of output by name."""
