"""Parts of a mask that are wanted: some classes, large regions, sure pixels."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from atrous.errors import ConfigError
from atrous.imaging import LabelMap
from atrous.labels import LabelSet
from atrous.runtime.regions import absorb_small


@dataclass(frozen=True)
class Filters:
    """What of a mask is kept, in the order of the fields."""

    min_confidence: float = 0.0
    """Pixels whose class is less probable belong to no class; 0 to 1."""
    classes: tuple[int, ...] | None = None
    """Class indices; pixels of others belong to no class. None for all."""
    min_area: int = 0
    """Regions of fewer pixels go to the label around them, see `absorb_small`."""

    def apply(self, mask: LabelMap, confidence: NDArray[np.float32] | None, other: int) -> LabelMap:
        """(H, W) class indices, or ``other`` where a pixel belongs to no class."""
        if self.min_confidence > 0:
            if confidence is None:
                raise ConfigError(
                    "the result holds no confidence; predict with detail=Detail(confidence=True)"
                )
            mask = _replace(mask, confidence < self.min_confidence, other)
        if self.classes is not None:
            mask = _replace(mask, ~np.isin(mask, self.classes), other)
        return absorb_small(mask, self.min_area) if self.min_area > 1 else mask


def class_indices(names: Iterable[str], label_set: LabelSet) -> tuple[int, ...]:
    """Classes by their names; small and capital letters are one where that is clear.

    Raises:
        ConfigError: If there is no such class, with the nearest that is.
    """
    return tuple(dict.fromkeys(_class_index(name, label_set.names) for name in names))


def _class_index(name: str, names: tuple[str, ...]) -> int:
    if name in names:
        return names.index(name)
    alike = [index for index, one in enumerate(names) if one.lower() == name.lower()]
    if len(alike) == 1:
        return alike[0]
    small = {one.lower(): one for one in names}
    close = difflib.get_close_matches(name.lower(), small, n=1)
    hint = f"did you mean {small[close[0]]!r}?" if close else f"known: {', '.join(names[:40])}"
    raise ConfigError(f"the model has no class {name!r}; {hint}")


def covered_by(
    mask: LabelMap, label_set: LabelSet, classes: tuple[int, ...] | None = None
) -> NDArray[np.bool_]:
    """(H, W), whether a pixel is of one of the classes; None for all but the background."""
    if classes is not None:
        return np.isin(mask, classes)
    covered = mask < label_set.num_classes
    return covered if label_set.background is None else covered & (mask != label_set.background)


def _replace(mask: LabelMap, places: NDArray[np.bool_], value: int) -> LabelMap:
    wide = mask.astype(np.uint16) if value > np.iinfo(mask.dtype).max else mask.copy()
    wide[places] = value
    return wide
