"""Torch as an engine of the runtime."""

import numpy as np
import torch
from numpy.typing import NDArray

from atrous.errors import ResourceError
from atrous.models.segmenter import Segmenter


class TorchEngine:
    """A network in torch, on the GPU if there is one.

    Args:
        model: The network; put into evaluation mode.
        device: Where to run; None for the GPU if there is one, else the CPU.
    """

    name = "torch"

    def __init__(self, model: Segmenter, *, device: torch.device | None = None) -> None:
        self._device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = model.eval().to(self._device).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Normalized images (B, C, H, W) -> logits (B, num_classes, h, w)."""
        try:
            batch = torch.from_numpy(images).to(self._device, memory_format=torch.channels_last)
            return self._model.logits_at_stride(batch).float().cpu().contiguous().numpy()
        except (torch.OutOfMemoryError, MemoryError) as error:
            height, width = images.shape[-2:]
            raise ResourceError(
                f"not enough memory for {width} x {height} pixels on {self._device}: {error}"
            ) from None
