"""Several looks at one picture: scaled and mirrored, as the papers evaluate.

As in the released code the softmax is averaged over all looks, not the logits; and the logits of a
smaller scale are first brought to the grid that the picture itself has.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from atrous.errors import ConfigError
from atrous.runtime.bilinear import AlignCorners, resize_bilinear
from atrous.runtime.engine import Engine, Tensor4, stride_of

_SCALES_BETWEEN = (0.1, 4.0)


@dataclass(frozen=True)
class TestTime:
    """Which looks are averaged.

    Args:
        scales: Factors on the size at which the network sees a picture. DeepLab V3+ uses 0.5 to
            1.75 in steps of 0.25 on PASCAL VOC, and 0.75, 1, 1.25 on Cityscapes.
        flip: Whether each scale is also looked at mirrored left to right.

    Raises:
        ConfigError: If there is no scale, or one is not between 0.1 and 4.
    """

    __test__ = False  # for pytest: not a group of tests

    scales: tuple[float, ...] = (1.0,)
    flip: bool = False

    def __post_init__(self) -> None:
        low, high = _SCALES_BETWEEN
        if not self.scales or not all(low <= scale <= high for scale in self.scales):
            raise ConfigError(
                f"scales are factors from {low} to {high}, not {list(self.scales) or 'nothing'}"
            )

    @property
    def looks_once(self) -> bool:
        """Whether the picture is seen once and as it is, so that nothing is averaged."""
        return self.scales == (1.0,) and not self.flip

    def views(
        self, engine: Engine, images: Tensor4, *, align_corners: AlignCorners
    ) -> Iterator[NDArray[np.float32]]:
        """Logits of every look, turned back to the picture's orientation.

        Args:
            engine: The network.
            images: One picture at the size the network is made for, normalized: (1, 3, H, W).
            align_corners: How pictures and logits are resized.

        Yields:
            Logits (C, h, w).
        """
        size = images.shape[-2:]
        for scale in self.scales:
            scaled = images if scale == 1.0 else _resized(images, scale, align_corners)
            for mirrored in (False, True) if self.flip else (False,):
                seen = np.ascontiguousarray(scaled[..., ::-1]) if mirrored else scaled
                logits = engine.run(seen)[0]
                logits = logits[..., ::-1] if mirrored else logits
                if scale < 1.0:
                    grid = _grid(size, stride_of(scaled.shape[-2:], logits.shape[-2:]))
                    logits = resize_bilinear(logits, grid, align_corners=align_corners)
                yield logits


def _resized(images: Tensor4, scale: float, align_corners: AlignCorners) -> Tensor4:
    height, width = size = _scaled(images.shape[-2:], scale)
    if align_corners:
        return resize_bilinear(images[0], size, align_corners=align_corners)[None]
    # The two ways of training: shrunk by areas, enlarged bilinearly.
    smooth = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
    pixels = cv2.resize(images[0].transpose(1, 2, 0), (width, height), interpolation=smooth)
    return np.ascontiguousarray(np.asarray(pixels, np.float32).transpose(2, 0, 1)[None])


def _scaled(size: tuple[int, ...], scale: float) -> tuple[int, int]:
    """The released code's rule: corners stay where they are, the rest is cut off."""
    height, width = (max(int((side - 1) * scale + 1), 1) for side in size)
    return height, width


def _grid(size: tuple[int, ...], stride: int) -> tuple[int, int]:
    """Height and width of the logits of a picture: every side rounded up."""
    height, width = (-(-side // stride) for side in size)
    return height, width
