"""GeoTIFF files, read and written window by window."""

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atrous.bands import PixelKind
from atrous.errors import AtrousError, DependencyError, InputError, ResourceError
from atrous.imaging import LabelMap, Pixels
from atrous.runtime.card import ModelCard

BLOCK = 512
"""Rows and columns of the blocks of a written file."""
_CACHE = 64 << 20
"""Bytes of decoded blocks that GDAL keeps."""
_MOST_BLOCK = 64 << 20
"""Bytes of a block of the source; each is decoded as a whole."""
_TYPES = {"uint8": 8, "uint16": 16}


@dataclass(frozen=True)
class RasterFacts:
    """What a raster says of itself."""

    size: tuple[int, int]
    """Height and width."""
    profile: dict[str, Any]
    """Where it lies on the earth, as rasterio writes it."""
    indexes: tuple[int, ...]
    """The bands that are read, from 1."""
    has_nodata: bool
    """Whether some pixels may be marked as empty."""
    notes: tuple[str, ...]


class Raster:
    """An open GeoTIFF.

    Args:
        path: The file.
        kind: Pixels that a network reads.
        bands: Which bands, from 1; None for all but transparency.

    Raises:
        InputError: If it cannot be read, or has no such bands.
        DependencyError: If rasterio is not installed.
    """

    def __init__(self, path: Path, kind: PixelKind, bands: Sequence[int] | None = None) -> None:
        if not path.is_file():
            raise InputError(f"{path}: no such file")
        self.path, self.kind = path, kind
        with reading(path):
            self._file = rasterio().open(path.resolve(), driver="GTiff")
        try:
            self.facts = self._look(bands)
        except BaseException:
            self._file.close()
            raise

    def _look(self, bands: Sequence[int] | None) -> RasterFacts:
        file, flags = self._file, rasterio().enums.MaskFlags
        _check_type(self.path, file, self.kind)
        indexes = _choose(self.path, file, self.kind, bands)
        height, width = file.block_shapes[0]
        if height * width * file.count * np.dtype(file.dtypes[0]).itemsize > _MOST_BLOCK:
            raise InputError(
                f"{self.path}: it is stored in blocks of {height} x {width} pixels, which can only "
                "be decoded as a whole; store it anew with gdal_translate -co TILED=YES"
            )
        notes = [] if file.crs else ["says not where it lies on the earth; nor does the result"]
        if width == file.width > 16 * BLOCK:
            notes.append(
                "is stored in rows and is read slowly; gdal_translate -co TILED=YES makes it faster"
            )
        points, crs = file.gcps
        place = {"gcps": points, "crs": crs} if points else {"crs": file.crs}
        if not file.transform.is_identity:
            place["transform"] = file.transform
        return RasterFacts(
            size=(file.height, file.width),
            profile=place,
            indexes=indexes,
            has_nodata=any(flags.all_valid not in one for one in file.mask_flag_enums),
            notes=tuple(notes),
        )

    def read(self, rows: slice, columns: slice) -> Pixels:
        """(rows, columns, C) as the network reads them.

        Raises:
            InputError: If they are damaged.
        """
        with reading(self.path):
            bands = self._file.read(list(self.facts.indexes), window=_window(rows, columns))
        pixels = np.ascontiguousarray(bands.transpose(1, 2, 0))
        if pixels.dtype == np.uint16 and self.kind.bits == 8:
            # 65535 is 257 times 255; half of 257 rounds to the nearest.
            pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
        return pixels

    def valid(self, rows: slice, columns: slice) -> NDArray[np.bool_]:
        """(rows, columns): which pixels are not marked as empty."""
        with reading(self.path):
            return np.asarray(self._file.dataset_mask(window=_window(rows, columns))) != 0

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class LabelRaster:
    """A GeoTIFF of class indices that is being written, from top to bottom.

    Args:
        path: Where it is written.
        facts: Of the source.
        card: Of the model.
        dtype: Of the labels.

    Raises:
        ResourceError: If it cannot be written.
    """

    def __init__(
        self, path: Path, facts: RasterFacts, card: ModelCard, dtype: np.dtype[Any]
    ) -> None:
        self._path = path
        height, width = facts.size
        place = {name: value for name, value in facts.profile.items() if name != "gcps"}
        with writing(path):
            self._file = rasterio().open(
                path.resolve(),
                "w",
                driver="GTiff",
                height=height,
                width=width,
                count=1,
                dtype=dtype,
                nodata=card.ignore_index,
                tiled=True,
                blockxsize=BLOCK,
                blockysize=BLOCK,
                compress="deflate",
                bigtiff="if_safer",
                **place,
            )
            if "gcps" in facts.profile:
                self._file.gcps = (facts.profile["gcps"], facts.profile["crs"])
            self._describe(card, dtype)

    def _describe(self, card: ModelCard, dtype: np.dtype[Any]) -> None:
        if dtype == np.uint8:
            colors = {index: (*color, 255) for index, color in enumerate(card.palette)}
            colors[card.ignore_index] = (0, 0, 0, 0)
            self._file.write_colormap(1, colors)
        self._file.set_band_description(1, "class index")
        self._file.update_tags(ATROUS_MODEL=card.name)
        self._file.update_tags(
            1, **{f"CLASS_{index}": name for index, name in enumerate(card.classes)}
        )

    def write(self, rows: slice, labels: LabelMap) -> None:
        """Write all columns of some rows.

        Raises:
            ResourceError: If they cannot be written.
        """
        with writing(self._path):
            window = _window(rows, slice(0, labels.shape[1]))
            self._file.write(labels, 1, window=window)

    def close(self) -> None:
        """Finish the file.

        Raises:
            ResourceError: If it cannot be written.
        """
        with writing(self._path):
            self._file.close()


def rasterio() -> Any:
    """The package that reads GeoTIFF.

    Raises:
        DependencyError: If it is not installed.
    """
    try:
        import rasterio as package  # noqa: PLC0415 - an extra
        import rasterio.enums  # noqa: PLC0415
    except ModuleNotFoundError:
        raise DependencyError("GeoTIFF needs rasterio; pip install 'atrous[geo]'") from None
    return package


@contextlib.contextmanager
def small_cache() -> Iterator[None]:
    """Let GDAL keep few decoded blocks, instead of a twentieth of the machine's memory."""
    with rasterio().Env(GDAL_CACHEMAX=_CACHE):
        yield


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what GDAL raises into a sentence that begins with the file.

    Raises:
        InputError: If the file cannot be read.
    """
    with _quiet():
        try:
            yield
        except AtrousError:
            raise
        except Exception as error:
            raise InputError(
                f"{path}: not a GeoTIFF that can be read, or damaged ({_reason(error)})"
            ) from None


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what GDAL raises into a sentence that begins with the file.

    Raises:
        ResourceError: If the file cannot be written.
    """
    with _quiet():
        try:
            yield
        except Exception as error:
            raise ResourceError(f"{path}: cannot be written ({_reason(error)})") from None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Rasters that do not say where they lie are told of in a note of our own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio().errors.NotGeoreferencedWarning)
        yield


def _reason(error: Exception) -> str:
    return " ".join(str(error.__cause__ or error).split())[:200] or type(error).__name__


def _check_type(path: Path, file: Any, kind: PixelKind) -> None:
    found = set(file.dtypes)
    bits = {_TYPES.get(name, 0) for name in found}
    if len(found) == 1 and min(bits) >= kind.bits:
        return
    wanted = "Byte" if kind.bits == 8 else "UInt16"
    raise InputError(
        f"{path}: found values of {', '.join(sorted(found))}; this model reads {kind.bits} bits "
        f"without sign: bring them there with gdal_translate -ot {wanted} -scale LOW HIGH"
    )


def _choose(path: Path, file: Any, kind: PixelKind, bands: Sequence[int] | None) -> tuple[int, ...]:
    meaning = rasterio().enums.ColorInterp
    if meaning.palette in file.colorinterp:
        raise InputError(
            f"{path}: holds numbers of colours; make them colours with gdal_translate -expand rgb"
        )
    clear = [
        index
        for index, one in zip(file.indexes, file.colorinterp, strict=True)
        if one == meaning.alpha
    ]
    chosen = tuple(bands or (index for index in file.indexes if index not in clear))
    if any(index not in file.indexes for index in chosen):
        raise InputError(f"{path}: has bands 1 to {file.count}, not all of {list(chosen)}")
    if len(chosen) == 1 and kind.channels == 3:
        return chosen * 3
    if len(chosen) != kind.channels:
        raise InputError(
            f"{path}: found {len(chosen)} bands, and this model reads {kind.channels}; choose them "
            f"with --bands {','.join(str(index + 1) for index in range(kind.channels))} or the like"
        )
    return chosen


def _window(rows: slice, columns: slice) -> Any:
    return ((rows.start, rows.stop), (columns.start, columns.stop))
