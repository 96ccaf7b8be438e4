"""Archives that the benchmarks' servers take."""

import io
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Self

import numpy as np
from PIL import Image

from atrous.data.cityscapes import LABEL_IDS
from atrous.engine.evaluate import Measured
from atrous.errors import ConfigError, DatasetError, ResourceError
from atrous.imaging import LabelMap, write_file
from atrous.labels import bit_palette

COMPETITIONS = ("comp5", "comp6")
"""VOC's, by whether a model was trained on VOC's own data alone or on other data too."""

_CITYSCAPES_SIZE = (1024, 2048)
_DATE = (1980, 1, 1, 0, 0, 0)
"""Of every entry, so that the same predictions make the same archive."""


@dataclass(frozen=True)
class Target:
    """What one server wants."""

    place: Callable[[str], str]
    """From a picture's name to that of its file in the archive."""
    encode: Callable[[str, LabelMap], bytes]
    """From a picture's name and its classes to the content of its file."""


def _voc_place(name: str, *, competition: str = "comp5") -> str:
    return f"results/VOC2012/Segmentation/{competition}_test_cls/{Path(name).name}.png"


def _voc_png(_name: str, predicted: LabelMap) -> bytes:
    image = Image.fromarray(predicted).convert("P")
    image.putpalette([value for color in bit_palette(256) for value in color])
    return _png(image)


def _cityscapes_place(name: str) -> str:
    return f"{Path(name).name.removesuffix('_leftImg8bit')}_pred_labelIds.png"


def _cityscapes_png(name: str, predicted: LabelMap) -> bytes:
    if predicted.shape != _CITYSCAPES_SIZE:
        height, width = predicted.shape
        raise DatasetError(
            f"{name}: is {width} x {height}; Cityscapes' server takes pictures of 2048 x 1024 alone"
        )
    return _png(Image.fromarray(np.array(LABEL_IDS, np.uint8)[predicted]))


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()


TARGETS: Mapping[str, Target] = {
    "voc": Target(_voc_place, _voc_png),
    "cityscapes": Target(_cityscapes_place, _cityscapes_png),
}
"""Servers, by the protocol that a submission is measured with."""


def find_target(protocol: str | None, *, competition: str | None = None) -> Target:
    """The server of a protocol; its multi-scale form has the same.

    Args:
        protocol: Its name.
        competition: One of `COMPETITIONS`, for VOC alone; None for the first.

    Raises:
        ConfigError: If there is no such server, or it has no such competition.
    """
    name = (protocol or "").removesuffix("-ms")
    if name not in TARGETS:
        raise ConfigError(
            f"--submit needs --protocol {' or '.join(TARGETS)}, which have a server that takes "
            f"archives, not {protocol or 'none'}"
        )
    if competition is None:
        return TARGETS[name]
    if name != "voc" or competition not in COMPETITIONS:
        raise ConfigError(
            f"--submit-as is {' or '.join(COMPETITIONS)} with --protocol voc, not {competition!r} "
            f"with {protocol}"
        )
    return Target(partial(_voc_place, competition=competition), _voc_png)


class Submission:
    """Gathers predictions on disk, and writes the archive when its ``with`` block is left well.

    Args:
        path: The .zip file to write.
        target: What the server wants.

    Raises:
        ConfigError: If the file is not called .zip.
        ResourceError: If it is there already.
    """

    def __init__(self, path: Path, target: Target) -> None:
        if path.suffix.lower() != ".zip":
            raise ConfigError(f"{path}: a submission is a .zip file")
        if path.exists():
            raise ResourceError(f"{path}: is there already; give another place")
        self._path = path
        self._target = target
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed on leaving
        self._archive = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED)

    def see(self, picture: Measured) -> None:
        """Add a prediction.

        Raises:
            DatasetError: If two pictures would have the same name, or one has another size.
        """
        name = picture.sample.name
        place = self._target.place(name)
        if place in self._archive.NameToInfo:
            raise DatasetError(f"{name}: another picture has the same name in the archive, {place}")
        entry = zipfile.ZipInfo(place, _DATE)
        entry.compress_type = zipfile.ZIP_DEFLATED
        self._archive.writestr(entry, self._target.encode(name, picture.predicted))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self._file:
            self._archive.close()
            if kind is None:
                self._file.seek(0)
                write_file(self._path, lambda file: shutil.copyfileobj(self._file, file))
