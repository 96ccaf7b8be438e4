"""What prediction gives back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from atrous.imaging import LabelMap, Pixels, write_labels
from atrous.labels import LabelSet
from atrous.runtime.filters import Filters, class_indices, covered_by
from atrous.runtime.geojson import feature_collection
from atrous.runtime.georeference import Georeference
from atrous.runtime.polygons import SIMPLIFY, Polygon, polygons_of
from atrous.runtime.render import color_map, cut_out, draw_legend, overlay


@dataclass(frozen=True)
class Segmentation:
    """A label map together with what its numbers mean."""

    mask: LabelMap
    """(H, W) class indices, the size of the picture that was given."""
    label_set: LabelSet
    """Names and colours of the classes."""
    pixels: Pixels = field(repr=False)
    """(H, W, C), the picture itself, upright, as the network was given it."""
    notes: tuple[str, ...] = ()
    """What had to be decided while the picture was read."""
    seconds: float = 0.0
    """Time that the network and the mask took."""
    confidence: NDArray[np.float32] | None = field(default=None, repr=False)
    """(H, W), 0 to 1: probability of the class that the network gave; None if not asked for."""
    probabilities: NDArray[np.float16] | None = field(default=None, repr=False)
    """(C, H, W), 0 to 1, of every class; None if not asked for."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; the position is the value in ``mask``."""
        return self.label_set.names

    @cached_property
    def shares(self) -> dict[str, float]:
        """Share of the pixels of each class, between 0 and 1, by name.

        Pixels without a class are in none of them.
        """
        counts = np.bincount(self.mask.ravel(), minlength=len(self.classes))
        return {
            name: int(count) / self.mask.size
            for name, count in zip(self.classes, counts[: len(self.classes)], strict=True)
        }

    def color(self) -> Image.Image:
        """The mask in the colours of its classes."""
        return Image.fromarray(color_map(self.mask, self.label_set.palette))

    def overlay(self, *, opacity: float = 0.55, legend: bool = True) -> Image.Image:
        """The colours laid over the picture, with a legend in a corner.

        Pixels without a class show the picture.

        Args:
            opacity: 0 shows the picture alone, 1 the colours alone.
            legend: Whether the classes that are there are named.
        """
        mixed = overlay(self.pixels, self.mask, self.label_set.palette, opacity=opacity)
        if legend:
            mixed = draw_legend(mixed, self.shares, self.label_set)
        return Image.fromarray(mixed)

    def filtered(
        self,
        classes: Iterable[str] | None = None,
        *,
        min_area: int = 0,
        min_confidence: float = 0.0,
    ) -> "Segmentation":
        """The same with only what is wanted in the mask; see `Filters` for the order.

        Pixels that are left without a class become the background if the model has such a class,
        else the ignore_index of the label set.

        Args:
            classes: Names of the classes that stay; None for all.
            min_area: Regions of fewer pixels go to the label around them.
            min_confidence: Pixels whose class is less probable have none, 0 to 1.

        Raises:
            ConfigError: If a class is unknown, or the result holds no confidence and needs it.
        """
        chosen = None if classes is None else class_indices(classes, self.label_set)
        filters = Filters(min_confidence, chosen, min_area)
        return replace(self, mask=filters.apply(self.mask, self.confidence, self.label_set.other))

    def cutout(self, classes: Iterable[str] | None = None) -> Image.Image:
        """The picture where classes are, and transparent elsewhere (RGBA).

        Args:
            classes: Names; by default every class but the background.

        Raises:
            ConfigError: If a class is unknown.
        """
        chosen = None if classes is None else class_indices(classes, self.label_set)
        return Image.fromarray(cut_out(self.pixels, covered_by(self.mask, self.label_set, chosen)))

    def polygons(
        self, classes: Sequence[str] | None = None, *, simplify: float = SIMPLIFY
    ) -> tuple[Polygon, ...]:
        """Every connected region of a class as a polygon with holes, the largest first.

        Args:
            classes: Names; by default every class but the background.
            simplify: Pixels by which outlines may be moved to save corners; 0 for exact ones.

        Raises:
            ConfigError: If a class is unknown.
            ResourceError: If the mask has more borders than any real one.
        """
        chosen = None if classes is None else class_indices(classes, self.label_set)
        drawn = covered_by(self.mask, self.label_set, chosen)
        without = frozenset(np.flatnonzero(np.bincount(self.mask[~drawn])).tolist())
        return polygons_of(self.mask, simplify=simplify, without=without)

    def to_geojson(
        self,
        classes: Sequence[str] | None = None,
        *,
        simplify: float = SIMPLIFY,
        georeference: Georeference | None = None,
    ) -> dict[str, Any]:
        """The `polygons` as a FeatureCollection of GeoJSON.

        Args:
            classes: As in `polygons`.
            simplify: As in `polygons`.
            georeference: Where the picture lies in the world; without one, coordinates are pixels.
        """
        polygons = self.polygons(classes, simplify=simplify)
        return feature_collection(polygons, self.label_set, georeference)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the mask as a PNG whose values are the class indices and whose palette is ours.

        Raises:
            ResourceError: If the file is there and ``overwrite`` is false, or cannot be written.
        """
        write_labels(Path(path), self.mask, self.label_set.palette, overwrite=overwrite)
