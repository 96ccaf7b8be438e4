"""What every engine promises."""

from math import log2
from typing import Literal, Protocol, TypeAlias, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Tensor4: TypeAlias = NDArray[np.float32]
"""(B, C, H, W)."""
Precision: TypeAlias = Literal["fp32", "bf16", "fp16"]
"""In what a network is computed; what goes in and comes out is float32."""
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


class Engine(Protocol):
    """Runs a network; knows nothing of files, classes or colours.

    Several threads may run it at once, and all get the same results as one.
    """

    name: str
    """For people: what runs the network."""

    def run(self, images: Tensor4) -> Tensor4:
        """Normalized images (B, 3, H, W) -> logits (B, num_classes, h, w) at a lower resolution.

        Raises:
            ResourceError: If the memory does not suffice for pictures of this size.
        """


CONTEXT = "context"
"""Output of a file's graph: the means over all that it sees, which image pooling takes."""
GIVEN_CONTEXT = "given_context"
"""Input of a file's graph for means to be taken instead; NaN, as by default, takes its own."""


@runtime_checkable
class ContextEngine(Protocol):
    """An engine that can see a part of a picture and know of the whole."""

    takes_context: bool
    """Whether this network, in the file that it came from, can be given a context."""

    def context_of(self, images: Tensor4) -> Tensor4:
        """Images (B, C, H, W) -> the means (B, K, 1, 1) that image pooling takes of them."""

    def run_in_context(self, images: Tensor4, context: Tensor4) -> Tensor4:
        """As `Engine.run`, but image pooling takes these means, (1, K, 1, 1), for all images."""


def stride_of(size: tuple[int, ...], grid: tuple[int, ...]) -> int:
    """The power of two by which logits are smaller than the picture.

    Args:
        size: Height and width of the picture.
        grid: Height and width of its logits, each side rounded up; of a picture of few strides
            the stride is the smallest that fits.
    """
    for stride in (1, 2, 4, 8, 16, 32):
        if all(-(-side // stride) == cells for side, cells in zip(size, grid, strict=True)):
            return stride
    return 1 << round(log2(max(size) / max(grid)))
