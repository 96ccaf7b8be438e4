"""What every engine promises."""

from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Tensor4: TypeAlias = NDArray[np.float32]
"""(B, C, H, W)."""


class Engine(Protocol):
    """Runs a network; knows nothing of files, classes or colours."""

    name: str
    """For people: what runs the network."""

    def run(self, images: Tensor4) -> Tensor4:
        """Normalized images (B, 3, H, W) -> logits (B, num_classes, h, w) at a lower resolution.

        Raises:
            ResourceError: If the memory does not suffice for pictures of this size.
        """
