"""Write a dataset as paired folders: pictures, index masks, and what their values mean."""

import io
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from atrous.bands import RGB8, kind_of
from atrous.data.description import DATASET_FILE
from atrous.data.sample import ImageFile, ImageSource
from atrous.errors import DatasetError, ResourceError
from atrous.imaging import LabelMap, Pixels, png_of_pixels, write_file, write_labels
from atrous.labels import LabelSet


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A folder to write into that becomes ``path`` once all is written, or is gone.

    Yields:
        A new folder beside ``path``.

    Raises:
        ResourceError: If ``path`` is there, or cannot be made.
    """
    if os.path.lexists(path):
        raise ResourceError(f"{path}: is there already; give a place that is not")
    unfinished = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        unfinished.mkdir(parents=True)
    except OSError as error:
        raise ResourceError(f"{path}: cannot be made ({error.strerror})") from None
    try:
        yield unfinished
        unfinished.rename(path)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def description_of(
    label_set: LabelSet, *, notes: Sequence[str] = (), label_map: Sequence[str] = ()
) -> str:
    """The text of a ``dataset.toml`` that names the classes.

    Args:
        label_set: The classes.
        notes: Comments on top, a line each.
        label_map: Lines of its table ``label_map``; none leaves the table out.

    Raises:
        DatasetError: If the label of ignored pixels cannot stand in a file.
    """
    if not 0 <= label_set.ignore_index <= 65_535:
        raise DatasetError(
            f"ignored pixels are {label_set.ignore_index}, and files hold 0 to 65535; set ignore "
            f"in {DATASET_FILE}"
        )
    names = "".join(f"  {_quoted(name)},\n" for name in label_set.names)
    palette = "".join(f"  {list(color)},\n" for color in label_set.palette)
    lines = [f"# {note}" for note in notes]
    lines += [f"names = [\n{names}]", f"ignore = {label_set.ignore_index}"]
    if len(set(label_set.palette)) == label_set.num_classes:
        lines.append(f"palette = [\n{palette}]")
    if label_map:
        lines += ["", "[label_map]", *label_map]
    return "\n".join(lines) + "\n"


def _quoted(name: str) -> str:
    # JSON's strings are TOML's, but for the one control character that JSON leaves as it is.
    return json.dumps(name, ensure_ascii=False).replace("\x7f", "\\u007f")


def write_description(text: str, path: Path) -> None:
    """Write the text of a ``dataset.toml``.

    Raises:
        ResourceError: If the file is there already, or cannot be written.
    """
    content = text.encode("utf-8", "replace")
    write_file(path, lambda file: file.write(content))


def write_pair(
    name: str, image: ImageSource, labels: LabelMap, label_set: LabelSet, folder: Path
) -> None:
    """Write ``images/NAME`` and ``masks/NAME.png`` below the folder of a split.

    A picture's file is copied as it is; one from an archive is written as PNG, or as ``.npy`` if it
    is not 8-bit RGB.

    Raises:
        InputError: If the picture cannot be read.
        ResourceError: If a file is there already, or cannot be written.
    """
    if isinstance(image, ImageFile):
        with image.open() as source:
            target = folder / "images" / f"{name}{image.path.suffix}"
            write_file(target, lambda file: shutil.copyfileobj(source, file))
    else:
        ending, content = encoded(image.read(None))
        write_file(folder / "images" / f"{name}.{ending}", lambda file: file.write(content))
    write_labels(folder / "masks" / f"{name}.png", labels, label_set.palette)


def encoded(pixels: Pixels) -> tuple[str, bytes]:
    """Pixels as a file without loss: its ending, and what is in it.

    8-bit RGB becomes a PNG, any other number of channels or bits an array of NumPy.
    """
    if kind_of(pixels) == RGB8:
        return "png", png_of_pixels(pixels)
    file = io.BytesIO()
    np.save(file, pixels, allow_pickle=False)
    return "npy", file.getvalue()
