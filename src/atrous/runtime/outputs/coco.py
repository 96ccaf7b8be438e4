"""COCO: one JSON file for the whole run, with an annotation for each region."""

import contextlib
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from atrous.imaging import whole_file
from atrous.labels import LabelSet
from atrous.runtime.outputs.description import DESCRIPTION, write_description
from atrous.runtime.outputs.output import Item, Job, Output
from atrous.runtime.outputs.text import json_bytes
from atrous.runtime.polygons import Polygon
from atrous.runtime.runs import coco_text, run_lengths


@contextlib.contextmanager
def write_coco(path: Path, job: Job) -> Iterator[Callable[[Item], None]]:
    """Annotations are written as pictures come, so that memory does not grow with their number."""
    images: list[dict[str, Any]] = []
    numbers = count(1)
    with whole_file(path, overwrite=job.overwrite) as file:
        file.write(b'{"annotations":[')

        def add(item: Item) -> None:
            height, width = item.result.mask.shape
            images.append(
                {
                    "id": len(images) + 1,
                    "file_name": item.picture_name,
                    "height": height,
                    "width": width,
                }
            )
            for polygon in item.polygons:
                number = next(numbers)
                annotation = _annotation(polygon, (height, width))
                known = {"id": number, "image_id": len(images), **annotation}
                file.write((b"\n" if number == 1 else b",\n") + json_bytes(known))

        yield add
        rest = {"images": images, "categories": _categories(job.label_set)}
        file.write(b"],\n" + json_bytes(rest)[1:])


def _annotation(polygon: Polygon, size: tuple[int, int]) -> dict[str, Any]:
    """An outline where there is no hole, and exact run lengths where there is one.

    COCO's outlines know no holes. A region with one is no crowd: its runs stand for itself.
    """
    segmentation: Any = [polygon.outer.ravel().tolist()]
    if polygon.holes:
        left, top, width, height = polygon.box
        covered = np.zeros(size, np.bool_)
        covered[top : top + height, left : left + width] = polygon.pixels()
        segmentation = {"size": list(size), "counts": coco_text(run_lengths(covered.T))}
    return {
        "category_id": polygon.class_index + 1,
        "segmentation": segmentation,
        "area": polygon.area,
        "bbox": list(polygon.box),
        "iscrowd": 0,
    }


def _categories(label_set: LabelSet) -> list[dict[str, Any]]:
    """Numbered from 1, for 0 is the background to many readers."""
    return [
        {"id": index + 1, "name": name, "supercategory": ""}
        for index, name in enumerate(label_set.names)
        if index != label_set.background
    ]


COCO = Output(
    about="one coco.json of all regions",
    run={"coco.json": write_coco, DESCRIPTION: write_description},
)
