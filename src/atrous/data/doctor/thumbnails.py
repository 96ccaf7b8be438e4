"""Small pictures of a pair for a report: the photograph, and the labels as they are stored."""

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from atrous.bands import read_pixels, shown
from atrous.data.doctor.check import Report
from atrous.data.doctor.facts import PairFacts, read_label_pixels
from atrous.data.doctor.finding import Finding
from atrous.data.sample import LabelFile
from atrous.errors import AtrousError
from atrous.imaging import Pixels
from atrous.labels import distinct_palette

_SIDE = 240


class Thumbnails:
    """Pictures by finding.

    Args:
        report: Whose findings are asked for.
    """

    def __init__(self, report: Report) -> None:
        self._root = report.listing.root
        self._pairs: dict[str, PairFacts] = {}
        for pair in report.pairs:
            for source in (pair.entry.image, pair.entry.labels):
                self._pairs.setdefault(report.listing.below(source.path), pair)

    def of(self, finding: Finding) -> list[str | None]:
        """Picture and labels as data URIs, None for one that cannot be read.

        A file without a partner comes alone; where no file is named, there is nothing.
        """
        pair = self._pairs.get(finding.where)
        if pair:
            return [_picture_of(pair), _labels_of(pair)]
        path = self._root / finding.where
        if not path.is_file() or finding.kind in ("outside_root", "bad_description"):
            return []
        try:
            return [data_uri(read_pixels(path, None).pixels)]
        except AtrousError:
            return [None]


def _picture_of(pair: PairFacts) -> str | None:
    try:
        return data_uri(pair.entry.image.read(None))
    except AtrousError:
        return None


def _labels_of(pair: PairFacts) -> str | None:
    source = pair.entry.labels
    try:
        if isinstance(source, LabelFile):
            pixels, *_ = read_label_pixels(source.path)
        else:
            pixels = source.read(pair.image.size if pair.image else (1, 1))
    except AtrousError:
        return None
    return data_uri(paint_values(pixels), smooth=False)


def paint_values(pixels: NDArray[np.generic]) -> Pixels:
    """Give each stored value a colour of its own, the lowest black and 255 white.

    (H, W) numbers or (H, W, 3) colours, which stay -> (H, W, 3) RGB.
    """
    if pixels.ndim == 3:
        return np.asarray(pixels, np.uint8)
    values, inverse = np.unique(pixels, return_inverse=True)
    colors = np.array([(0, 0, 0), *distinct_palette(max(len(values) - 1, 0))], np.uint8)
    colors[: len(values)][values == 255] = 255
    return np.asarray(colors[inverse.reshape(pixels.shape)])


def data_uri(pixels: Pixels, *, smooth: bool = True) -> str:
    """A PNG or JPEG of at most 240 pixels a side, inside a URI.

    Args:
        pixels: (H, W, C).
        smooth: Whether this is a photograph; values of labels are not mixed.
    """
    image = Image.fromarray(np.ascontiguousarray(shown(pixels)))
    shrink = min(1.0, _SIDE / max(image.size))
    size = max(1, round(image.width * shrink)), max(1, round(image.height * shrink))
    image = image.resize(size, Image.Resampling.BOX if smooth else Image.Resampling.NEAREST)
    buffer, kind = io.BytesIO(), "jpeg" if smooth else "png"
    image.save(buffer, format=kind)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
