"""Where a picture lies in the world, from the tags of a GeoTIFF."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from atrous.errors import AtrousError
from atrous.imaging import open_picture

# Tags of GeoTIFF 1.1, and keys of its directory.
_PIXEL_SCALE, _TIE_POINT, _TRANSFORMATION, _KEYS = 33550, 33922, 34264, 34735
_RASTER_TYPE, _GEOGRAPHIC, _PROJECTED = 1025, 2048, 3072
_PIXEL_IS_POINT, _USER_DEFINED = 2, 32767
_ANY_SIZE = 1 << 40


@dataclass(frozen=True)
class Georeference:
    """From pixels to coordinates of the world."""

    transform: tuple[float, float, float, float, float, float]
    """a, b, c, d, e, f: x' = a x + b y + c and y' = d x + e y + f, from the picture's corner."""
    epsg: int | None = None
    """Number of the coordinate system in the EPSG register; None if the file does not give one."""

    def place(self, points: NDArray[np.generic]) -> NDArray[np.float64]:
        """(N, 2) x, y in pixels -> (N, 2) in the world."""
        a, b, c, d, e, f = self.transform
        return np.asarray(points, np.float64) @ np.array([[a, d], [b, e]]) + (c, f)

    @property
    def mirrors(self) -> bool:
        """Whether clockwise becomes anticlockwise, as it does where y leads north."""
        a, b, _, d, e, _ = self.transform
        return a * e - b * d < 0


def read_georeference(path: Path) -> Georeference | None:
    """The georeference of a GeoTIFF; None for any other picture, and where it is not whole."""
    if path.suffix.lower() not in {".tif", ".tiff"}:
        return None
    try:
        # Nothing is decoded: only the tags are looked at.
        with open_picture(path, max_pixels=_ANY_SIZE) as image:
            return _from_tags(image)
    except (AtrousError, ValueError, TypeError):
        return None


def _from_tags(image: Image.Image) -> Georeference | None:
    tags = getattr(image, "tag_v2", {})
    keys = _geo_keys(tags.get(_KEYS, ()))
    matrix, tie, scale = tags.get(_TRANSFORMATION), tags.get(_TIE_POINT), tags.get(_PIXEL_SCALE)
    if matrix is not None and len(matrix) == 16:
        a, b, c, d, e, f = (float(matrix[place]) for place in (0, 1, 3, 4, 5, 7))
    elif tie is not None and len(tie) == 6 and scale is not None and len(scale) >= 2:
        a, b, d, e = float(scale[0]), 0.0, 0.0, -float(scale[1])
        c, f = float(tie[3]) - a * float(tie[0]), float(tie[4]) - e * float(tie[1])
    else:
        return None
    if keys.get(_RASTER_TYPE) == _PIXEL_IS_POINT:
        # The coordinates are those of the first pixel's centre.
        c, f = c - (a + b) / 2, f - (d + e) / 2
    if not np.isfinite([a, b, c, d, e, f]).all() or a * e - b * d == 0:
        return None
    code = keys.get(_PROJECTED, keys.get(_GEOGRAPHIC))
    return Georeference((a, b, c, d, e, f), code if code and code != _USER_DEFINED else None)


def _geo_keys(directory: tuple[int, ...]) -> dict[int, int]:
    """Keys whose value stands in the directory itself: rows of key, place, count, value."""
    rows = np.reshape(directory[: len(directory) // 4 * 4], (-1, 4)).tolist()[1:]
    return {int(key): int(value) for key, place, _, value in rows if place == 0}
