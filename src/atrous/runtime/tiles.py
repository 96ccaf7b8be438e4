"""Pictures of any size within a limit of memory: whole if they fit, in tiles if not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil, inf, isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atrous.errors import ConfigError, ResourceError, WeightsError
from atrous.imaging import LabelMap
from atrous.runtime.bilinear import taps
from atrous.runtime.blend import Tiling, band_labels, blended, tiling_of
from atrous.runtime.card import ModelCard
from atrous.runtime.engine import ContextEngine, Engine, Tensor4, stride_of
from atrous.runtime.footprint import bytes_per_pixel, default_budget, resident_bytes
from atrous.runtime.scene import Images, Scene

_PROBE = 64
"""Side of the picture that tells the stride of a network's logits."""
_LEAST_TILE, _MOST_TILE = 128, 2048
_OVERLAP = 128
"""Pixels that neighbouring tiles share, and at most a quarter of a tile, unless asked otherwise."""
_LEAST_SEEN, _MOST_SEEN = 4, 16
"""Tiles whose means stand for the whole picture: a quarter of them, within these bounds."""
_MOST_LOGIT = 2.0**125
"""Larger ones could overflow where they are interpolated."""
_PICTURE = 16
"""Bytes that each pixel takes besides the network: as it was read, its label, what is drawn."""


@dataclass(frozen=True)
class TileSettings:
    """When and how pictures are seen in tiles.

    Args:
        max_memory: Bytes that the process may grow to; None for half of what is free.
        tile: Largest side of a tile in pixels that the network sees, whatever the memory; None
            for what fits into it.
        overlap: Pixels that neighbouring tiles share at least; None for 128, or a quarter of
            smaller tiles.

    Raises:
        ConfigError: If a tile is too small, or the overlap more than half of it.
    """

    max_memory: int | None = None
    tile: int | None = None
    overlap: int | None = None

    def __post_init__(self) -> None:
        if self.tile is not None and self.tile < _LEAST_TILE:
            raise ConfigError(f"tiles of {self.tile} pixels are too small; take {_LEAST_TILE}")
        half = (self.tile or _MOST_TILE) // 2
        if self.overlap is not None and not 0 <= self.overlap <= half:
            raise ConfigError(
                f"tiles can share 0 to {half} pixels, half of their side, not {self.overlap}"
            )

    def overlap_of(self, tile: int) -> int:
        """Pixels that tiles of a side share."""
        if self.overlap is None:
            return min(_OVERLAP, tile // 4)
        return min(self.overlap, tile // 2)


class TiledEngine:
    """An engine that sees pictures too large for the memory in overlapping tiles.

    The logits of tiles are blended where they overlap, on the grid that the logits of the whole
    picture would have. Image pooling takes the same means in every tile, those of the whole
    picture, so that neighbours agree. A picture whose network runs out of memory is seen again in
    smaller parts, and so are all later ones of its size.

    Args:
        engine: Sees pictures and tiles.
        card: Of its network.
        settings: When and how.

    Raises:
        ConfigError: If the memory does not suffice for the smallest tile.
    """

    def __init__(self, engine: Engine, card: ModelCard, settings: TileSettings) -> None:
        self.engine = engine
        self.settings = settings
        self.name = engine.name
        self._card = card
        self._per_pixel = bytes_per_pixel(card.architecture, len(card.classes), engine.name)
        held = resident_bytes()
        self.free = (settings.max_memory or default_budget()) - held
        self._failed = inf
        least = _LEAST_TILE**2 * self._per_pixel
        if settings.max_memory and self.free < least:
            raise ConfigError(
                f"{settings.max_memory / 2**20:.0f} MiB are too little for this model: it takes "
                f"{held / 2**20:.0f} MiB by itself and {least / 2**20:.0f} for the smallest tile"
            )

    def plan(self, size: tuple[int, int]) -> Tiling | None:
        """The tiles for a picture of a height and width; None to see it whole."""
        pixels = size[0] * size[1]
        fits = self._pixels_within(self.free - _PICTURE * pixels)
        if self.settings.tile is None and pixels <= fits:
            return None
        tiling = self._tiling(size, fits)
        return tiling if len(tiling) > 1 else None

    def tiling_within(self, size: tuple[int, int], free: float) -> Tiling:
        """Tiles for a picture of a height and width whose network may take so many bytes."""
        return self._tiling(size, self._pixels_within(free))

    def _pixels_within(self, free: float) -> float:
        return min(max(free, 0) / self._per_pixel, self._failed)

    def _tiling(self, size: tuple[int, int], pixels: float) -> Tiling:
        tile = self.settings.tile or min(max(isqrt(int(pixels)), _LEAST_TILE), _MOST_TILE)
        return tiling_of(size, tile, self.settings.overlap_of(tile))

    def notes(self, size: tuple[int, int]) -> tuple[str, ...]:
        """What to tell of how a picture of a height and width is seen; nothing if whole."""
        tiling = self.plan(size)
        if tiling is None:
            return ()
        height, width = tiling.window
        said = f"seen in {len(tiling)} tiles of {height} x {width}"
        if self.settings.tile is None:
            said += ", as the memory does not suffice for all of it at once"
        if pools_globally(self._card) and _in_context(self.engine) is None:
            said += (
                "; its tiles may disagree, since the model file is of an older kind whose image "
                "pooling cannot be told of the whole picture: export it again"
            )
        return (said,)

    def run(self, images: Tensor4) -> Tensor4:
        """(B, C, H, W) -> (B, num_classes, ceil(H / s), ceil(W / s)) of any stride s up to 32."""
        size = images.shape[2], images.shape[3]

        def attempt(tiling: Tiling | None) -> Tensor4:
            if tiling is None:
                return self.engine.run(images)
            scenes = [Images(images[index : index + 1]) for index in range(len(images))]
            seen = [np.concatenate(list(self.bands(one, tiling)), axis=1) for one in scenes]
            return np.stack(seen)

        return self._within_memory(size, attempt)

    def labels(self, scene: Scene, size: tuple[int, int]) -> LabelMap:
        """Labels of a picture that is seen in tiles, without all of its logits at once.

        Args:
            scene: The picture.
            size: Height and width of the labels.

        Raises:
            ResourceError: If the memory does not suffice for the smallest tile.
            WeightsError: If the network's output is not finite.
        """

        def attempt(tiling: Tiling | None) -> LabelMap:
            tiling = tiling or tiling_of(scene.size, max(scene.size), 0)
            rows, columns = (
                taps(self.grid(side), target, self._card.align_corners)
                for side, target in zip(scene.size, size, strict=True)
            )
            parts = band_labels(self.bands(scene, tiling), rows, columns)
            return np.concatenate([labels for _, labels in parts])

        return self._within_memory(scene.size, attempt)

    @cached_property
    def stride(self) -> int:
        """Pixels for each cell of the logits."""
        blank = np.zeros((1, self._card.preprocessing.kind.channels, _PROBE, _PROBE), np.float32)
        return stride_of((_PROBE, _PROBE), self.engine.run(blank).shape[2:])

    def grid(self, side: int) -> int:
        """Cells of the logits along a side of a picture."""
        return ceil(side / self.stride)

    def bands(
        self, scene: Scene, tiling: Tiling, context: Tensor4 | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Logits of a picture, (num_classes, rows, w) at a time, from top to bottom.

        Args:
            scene: The picture, or a part of one.
            tiling: How to see it.
            context: What image pooling takes; None for `context_of` the scene.
        """
        engine = _in_context(self.engine)
        context = self.context_of(scene, tiling) if context is None else context

        def look(rows: slice, columns: slice) -> Tensor4 | None:
            part = scene.part(rows, columns)
            if part is None:
                return None
            if engine is None or context is None:
                return self.engine.run(part)
            return engine.run_in_context(part, context)

        channels = (1, len(self._card.classes))
        for (band,) in blended(tiling, look, channels=channels, stride=self.stride):
            if not np.abs(band).max(initial=0) < _MOST_LOGIT:
                raise WeightsError(
                    f"the model {self._card.name!r} gave values that are not numbers; its weights "
                    "are damaged"
                )
            yield band

    def context_of(self, scene: Scene, tiling: Tiling) -> Tensor4 | None:
        """The means that image pooling takes in every tile; None if it takes none.

        That is the mean of some tiles spread over the picture, at the scale that the network sees
        (docs/decisions/0012-one-context-for-all-tiles.md).
        """
        engine = _in_context(self.engine)
        if engine is None:
            return None
        count = min(max(len(tiling) // 4, _LEAST_SEEN), _MOST_SEEN)
        seen = (scene.part(rows, columns) for rows, columns in tiling.spread(count))
        means = [engine.context_of(part) for part in seen if part is not None]
        return np.mean(means, axis=0, dtype=np.float32) if means else None

    def _within_memory(
        self, size: tuple[int, int], attempt: Callable[[Tiling | None], NDArray[Any]]
    ) -> NDArray[Any]:
        while True:
            tiling = self.plan(size)
            try:
                return attempt(tiling)
            except ResourceError:
                height, width = tiling.window if tiling else size
                less = height * width / 4
                if self.settings.tile or less < _LEAST_TILE**2:
                    raise
                self._failed = min(self._failed, less)


def pools_globally(card: ModelCard) -> bool:
    """Whether a network's head reads means over all that it sees."""
    config = card.architecture
    pools = config.get("decoder") == "lraspp" or (
        config.get("image_pooling", True) and config.get("context", "aspp") == "aspp"
    )
    return bool(config and pools and not config.get("image_pooling_crop_size"))


def _in_context(engine: Engine) -> ContextEngine | None:
    return engine if isinstance(engine, ContextEngine) and engine.takes_context else None
