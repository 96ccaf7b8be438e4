"""Labels that do not flicker from one frame of a video to the next."""

import cv2
import numpy as np
from numpy.typing import NDArray

from atrous.errors import ConfigError
from atrous.imaging import Pixels
from atrous.runtime.engine import Engine, Tensor4

_THUMBNAIL = (32, 32)
_CUT = 30.0
"""Mean difference of two thumbnails, of 255, above which the second frame shows another scene."""


class TemporalEngine:
    """Averages the logits of each frame with those of the frames before it, exponentially.

    Logits are averaged and not probabilities, so that with one frame nothing changes at all. They
    are averaged at the network's resolution, before they are made as large as the picture.

    Args:
        engine: Runs the network.
        frames: About how many frames are averaged: the newest counts 2 / (frames + 1), as usual
            for an average of that span.

    Raises:
        ConfigError: If ``frames`` is below 1.
    """

    def __init__(self, engine: Engine, frames: float) -> None:
        if not frames >= 1:
            raise ConfigError(f"an average is over 1 frame or more, not {frames:g}")
        self.name = f"{engine.name}, averaged over {frames:g} frames"
        self._engine = engine
        self._share = np.float32(2.0 / (frames + 1.0))
        self._thumbnail: NDArray[np.float32] | None = None
        self._looks: list[Tensor4] = []
        self._look = 0

    def begin_frame(self, pixels: Pixels) -> None:
        """Say that the next frame comes, (H, W, 3); after a cut nothing is remembered."""
        small = cv2.resize(pixels, _THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32)
        before, self._thumbnail, self._look = self._thumbnail, small, 0
        if before is None or float(np.abs(small - before).mean()) > _CUT:
            self._looks = []

    def run(self, images: Tensor4) -> Tensor4:
        """(B, C, H, W) -> logits, averaged with the same look at the frames before.

        A frame may be looked at several times, such as mirrored; each look has its own average.
        """
        logits = self._engine.run(images)
        look, self._look = self._look, self._look + 1
        if look >= len(self._looks):
            self._looks.append(logits)
        elif self._looks[look].shape != logits.shape:
            self._looks[look] = logits
        else:
            before = self._looks[look]
            self._looks[look] = before + self._share * (logits - before)
        return self._looks[look]
