"""Outputs that are pictures: masks, colours, overlays, cut-outs, and the picture itself."""

from pathlib import Path

import numpy as np
from PIL import Image

from atrous.errors import InputError
from atrous.imaging import png_of, write_file, write_image
from atrous.runtime.outputs.output import Item, Job, Output

_LOSSY_TOO = (".png", ".jpg", ".jpeg", ".webp")


def write_mask(path: Path, item: Item, job: Job) -> None:
    """A palette PNG of class indices."""
    item.result.save(path, overwrite=job.overwrite)


def write_color(path: Path, item: Item, job: Job) -> None:
    """The mask in the colours of its classes."""
    write_image(path, np.asarray(item.result.color()), overwrite=job.overwrite)


def write_overlay(path: Path, item: Item, job: Job) -> None:
    """The colours over the picture."""
    write_image(path, np.asarray(item.result.overlay()), overwrite=job.overwrite)


def write_cutout(path: Path, item: Item, job: Job) -> None:
    """The picture where classes are, transparent elsewhere."""
    _write_png(path, item.result.cutout(), job)


def write_prob(path: Path, item: Item, job: Job) -> None:
    """Grey of 16 bits: the probability of the class that was given, times 65535."""
    if item.result.confidence is None:
        raise ValueError("the result was made without confidence")
    grey = np.round(item.result.confidence * 65_535).astype(np.uint16)
    _write_png(path, Image.fromarray(grey), job)


def copy_picture(path: Path, item: Item, job: Job) -> None:
    """The picture as it is stored, byte for byte."""
    try:
        content = item.source.read_bytes()
    except OSError as error:
        raise InputError(f"{item.source}: cannot be read ({error.strerror})") from None
    write_file(path, lambda file: file.write(content), overwrite=job.overwrite)


def _write_png(path: Path, image: Image.Image, job: Job) -> None:
    content = png_of(image)
    write_file(path, lambda file: file.write(content), overwrite=job.overwrite)


MASK = Output(
    about="class indices, a palette PNG", write=write_mask, ending=".mask.png", single=(".png",)
)
COLOR = Output(
    about="the classes' colours", write=write_color, ending=".color.png", single=_LOSSY_TOO
)
OVERLAY = Output(
    about="colours over the picture, with a legend",
    write=write_overlay,
    ending=".overlay.jpg",
    single=_LOSSY_TOO,
)
CUTOUT = Output(
    about="the picture where classes are, transparent elsewhere",
    write=write_cutout,
    ending=".cutout.png",
    single=(".png",),
)
PROB = Output(
    about="probability of each pixel's class, 16-bit grey",
    write=write_prob,
    ending=".prob.png",
    single=(".png",),
    needs=frozenset({"confidence"}),
)
PICTURE = Output(
    about="a copy of the picture in images/, for annotation tools",
    write=copy_picture,
    folder="images",
)
