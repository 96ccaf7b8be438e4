"""labelme: a JSON file for each picture, beside its copy, to be corrected by hand."""

import os
from pathlib import Path
from typing import Any

from atrous.runtime.outputs.description import DESCRIPTION, write_description
from atrous.runtime.outputs.output import Item, Job, Output
from atrous.runtime.outputs.text import write_json


def write_labelme(path: Path, item: Item, job: Job) -> None:
    """Polygons to be painted one over the other; open holes are joined to the outline."""
    height, width = item.result.mask.shape
    copied = job.out / "images" / item.picture_name if "picture" in job.kinds else item.source
    content: dict[str, Any] = {
        "version": "5.5.0",
        "flags": {},
        "shapes": [
            {
                "label": item.result.classes[shape.polygon.class_index],
                "points": shape.ring.astype(float).tolist(),
                "group_id": None,
                "description": "",
                "shape_type": "polygon",
                "flags": {},
            }
            for shape in item.shapes
        ],
        "imagePath": Path(os.path.relpath(copied, path.parent)).as_posix(),
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }
    write_json(path, content, job)


LABELME = Output(
    about="polygons to correct in labelme, in images/",
    write=write_labelme,
    folder="images",
    ending=".json",
    single=(".json",),
    run={DESCRIPTION: write_description},
)
