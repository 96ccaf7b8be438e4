"""What prediction gives back."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from atrous.imaging import LabelMap, Pixels, write_labels
from atrous.labels import LabelSet
from atrous.runtime.render import color_map, draw_legend, overlay


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

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; the position is the value in ``mask``."""
        return self.label_set.names

    @cached_property
    def shares(self) -> dict[str, float]:
        """Share of the pixels of each class, between 0 and 1, by name."""
        counts = np.bincount(self.mask.ravel(), minlength=len(self.classes))
        return {
            name: int(count) / self.mask.size
            for name, count in zip(self.classes, counts, strict=True)
        }

    def color(self) -> Image.Image:
        """The mask in the colours of its classes."""
        return Image.fromarray(color_map(self.mask, self.label_set.palette))

    def overlay(self, *, opacity: float = 0.55, legend: bool = True) -> Image.Image:
        """The colours laid over the picture, with a legend in a corner.

        Args:
            opacity: 0 shows the picture alone, 1 the colours alone.
            legend: Whether the classes that are there are named.
        """
        mixed = overlay(self.pixels, self.mask, self.label_set.palette, opacity=opacity)
        if legend:
            mixed = draw_legend(mixed, self.shares, self.label_set)
        return Image.fromarray(mixed)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the mask as a PNG whose values are the class indices and whose palette is ours.

        Raises:
            ResourceError: If the file is there and ``overwrite`` is false, or cannot be written.
        """
        write_labels(Path(path), self.mask, self.label_set.palette, overwrite=overwrite)
