"""What goes into a file: the network, and if asked for what stands before and behind it."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from atrous.bands import PixelKind
from atrous.imaging import Pixels
from atrous.layers.resize import resize
from atrous.models.segmenter import Segmenter
from atrous.runtime.card import ModelCard
from atrous.runtime.predictor import normalize

Run: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]
"""One call of a network: what its file takes -> what it gives."""
Files: TypeAlias = Mapping[str, bytes]
"""Contents by ending, such as ``.xml`` and ``.bin``."""
Shrink: TypeAlias = Callable[[bytes], bytes]
"""An ONNX graph in 32 bits -> the same graph in 8."""


@dataclass(frozen=True)
class Request:
    """What a file shall hold."""

    half: bool = False
    """Weights are stored as 16-bit floats; the network computes in 32 bits all the same."""
    size: tuple[int, int] | None = None
    """Height and width of the one picture that it takes; None takes any number of any size."""
    processing: bool = False
    """Pixels in and labels out, instead of normalized images and logits."""
    to_int8: Shrink | None = None
    """Makes the ONNX graph compute in 8 bits; None leaves it as it is."""


class Graph(nn.Module):
    """A segmenter as a file has it.

    Args:
        model: The network; it is copied to the CPU.
        card: Says how pixels are normalized and logits resized.
        processing: Whether both are in the graph.
    """

    def __init__(self, model: Segmenter, card: ModelCard, *, processing: bool) -> None:
        super().__init__()
        self.model = copy.deepcopy(model).cpu()
        self.processing = processing
        self.align_corners = card.align_corners
        self.mean, self.std = (
            nn.Buffer(torch.tensor(values)[:, None, None], persistent=False)
            for values in (card.preprocessing.mean, card.preprocessing.std)
        )
        self.label_type = torch.uint8 if len(card.classes) <= 256 else torch.int32
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """Normalized (B, C, H, W) -> logits (B, num_classes, h, w) at the decoder's stride.

        With processing: pixels (B, H, W, C) -> labels (B, H, W).
        """
        if not self.processing:
            return self.model.logits_at_stride(images)
        height, width = images.shape[1:3]
        normed = (images.permute(0, 3, 1, 2).float() - self.mean) / self.std
        logits = self.model.logits_at_stride(normed)
        full = resize(logits, (height, width), align_corners=self.align_corners)
        return full.argmax(dim=1).to(self.label_type)

    @torch.inference_mode()
    def run(self, images: NDArray[Any]) -> NDArray[Any]:
        """`forward` on arrays."""
        return self(torch.from_numpy(images)).numpy()


def example_input(card: ModelCard, request: Request) -> Tensor:
    """Zeros as the graph takes them, to trace it with."""
    # No side divides another, so that no size is taken for a constant.
    height, width = request.size or (161, 195)
    batch, kind = 1 if request.size else 2, card.preprocessing.kind
    if request.processing:
        dtype = torch.uint8 if kind.bits == 8 else torch.uint16
        return torch.zeros(batch, height, width, kind.channels, dtype=dtype)
    return torch.zeros(batch, kind.channels, height, width)


def as_input(pixels: Pixels, card: ModelCard, request: Request) -> NDArray[Any]:
    """(H, W, C) pixels as the graph takes them, a batch of one."""
    return pixels[None] if request.processing else normalize(pixels, card.preprocessing)


def draw_pixels(card: ModelCard, size: tuple[int, int]) -> Pixels:
    """Made-up pixels (H, W, C) in the range that the network was trained on: waves and noise."""
    kind: PixelKind = card.preprocessing.kind
    rows, columns = np.mgrid[0 : size[0], 0 : size[1]].astype(np.float32)
    waves = [
        np.sin(rows / (7 + 5 * channel) + columns / (11 - 2 * (channel % 3)))
        for channel in range(kind.channels)
    ]
    noise = np.random.default_rng(0).normal(0, 0.2, (*size, kind.channels))
    mean, std = np.array(card.preprocessing.mean), np.array(card.preprocessing.std)
    values = np.clip(mean + std * (np.stack(waves, axis=-1) + noise), 0, kind.highest)
    return values.astype(np.uint8 if kind.bits == 8 else np.uint16)
