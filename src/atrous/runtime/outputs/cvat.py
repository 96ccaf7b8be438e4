"""CVAT for images 1.1: one XML file for the whole run, to be loaded as annotations of a task."""

import contextlib
import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from atrous.errors import InputError
from atrous.imaging import whole_file
from atrous.labels import LabelSet
from atrous.runtime.geojson import hex_color
from atrous.runtime.outputs.description import DESCRIPTION, write_description
from atrous.runtime.outputs.output import Item, Job, Output, Shape
from atrous.runtime.rings import Ring
from atrous.runtime.runs import run_lengths

_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
# Control characters and half characters, which XML 1.0 has no way to write.
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPED = {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}


@contextlib.contextmanager
def write_cvat(path: Path, job: Job) -> Iterator[Callable[[Item], None]]:
    """Pictures are written as they come, so that memory does not grow with their number."""
    numbers = count()
    with whole_file(path, overwrite=job.overwrite) as file:
        file.write((_HEAD + _labels(job.label_set)).encode())

        def add(item: Item) -> None:
            file.write(_image(item, next(numbers)).encode())

        yield add
        file.write(b"</annotations>\n")


def _labels(label_set: LabelSet) -> str:
    labels = "".join(
        f"<label><name>{escape(name)}</name><color>{hex_color(color)}</color><type>any</type>"
        "<attributes></attributes></label>\n"
        for index, (name, color) in enumerate(zip(label_set.names, label_set.palette, strict=True))
        if index != label_set.background
    )
    return f"<meta><task><labels>\n{labels}</labels></task></meta>\n"


def _image(item: Item, number: int) -> str:
    if _NOT_IN_XML.search(item.picture_name):
        raise InputError(f"{item.source}: its name cannot stand in XML; rename it for --as cvat")
    height, width = item.result.mask.shape
    shapes = "".join(
        _shape(shape, item.result.classes[shape.polygon.class_index], order)
        for order, shape in enumerate(item.shapes)
    )
    name = quoteattr(item.picture_name, _ESCAPED)
    return (
        f'<image id="{number}" name={name} width="{width}" height="{height}">\n{shapes}</image>\n'
    )


def _shape(shape: Shape, label: str, order: int) -> str:
    """A polygon, or the exact pixels where a hole has to stay open."""
    about = f'label={quoteattr(label)} source="auto" occluded="0" z_order="{order}"'
    if not shape.open_holes:
        return f'<polygon {about} points="{_points(shape.polygon.outer)}"></polygon>\n'
    left, top, width, height = shape.polygon.box
    runs = ", ".join(map(str, run_lengths(shape.polygon.pixels()).tolist()))
    box = f'left="{left}" top="{top}" width="{width}" height="{height}"'
    return f'<mask {about} rle="{runs}" {box}></mask>\n'


def _points(ring: Ring) -> str:
    return ";".join(f"{x:.2f},{y:.2f}" for x, y in ring.tolist())


CVAT = Output(
    about="one cvat.xml to load into a task of CVAT",
    run={"cvat.xml": write_cvat, DESCRIPTION: write_description},
)
