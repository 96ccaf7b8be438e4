"""YOLO: a text file of outlines for each picture, and ``data.yaml`` with the names."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from atrous.imaging import whole_file
from atrous.labels import LabelSet
from atrous.runtime.outputs.description import DESCRIPTION, write_description
from atrous.runtime.outputs.output import Item, Job, Output
from atrous.runtime.outputs.text import quoted, write_text


def write_yolo(path: Path, item: Item, job: Job) -> None:
    """A line for each shape: the number of its class, and corners in parts of width and height."""
    height, width = item.result.mask.shape
    numbers = {index: number for number, index in enumerate(_drawn(job.label_set))}
    lines = []
    for shape in item.shapes:
        corners = (shape.ring / (width, height)).ravel().tolist()
        # A millionth of a side is at most a tenth of a pixel in any picture that is read.
        points = " ".join(f"{value:.6f}" for value in corners)
        lines.append(f"{numbers[shape.polygon.class_index]} {points}\n")
    write_text(path, "".join(lines).encode(), job)


@contextlib.contextmanager
def write_names(path: Path, job: Job) -> Iterator[Callable[[Item], None]]:
    """The names by their numbers, and where the pictures are."""
    with whole_file(path, overwrite=job.overwrite) as file:
        yield lambda _item: None
        names = [job.label_set.names[index] for index in _drawn(job.label_set)]
        lines = ["train: images", "val: images", "names:"]
        lines += [f"  {number}: {quoted(name)}" for number, name in enumerate(names)]
        file.write("\n".join([*lines, ""]).encode())


def _drawn(label_set: LabelSet) -> list[int]:
    """Classes that are outlined: all but the background."""
    return [index for index in range(label_set.num_classes) if index != label_set.background]


YOLO = Output(
    about="outlines for YOLO, in labels/, and data.yaml",
    write=write_yolo,
    folder="labels",
    ending=".txt",
    run={"data.yaml": write_names, DESCRIPTION: write_description},
)
