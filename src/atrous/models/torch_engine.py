"""Torch as an engine of the runtime."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

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
        self.takes_context = model.image_pool is not None

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Normalized images (B, C, H, W) -> logits (B, num_classes, h, w)."""
        return self._run(self._model.logits_at_stride, images)

    def context_of(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Normalized images (B, C, H, W) -> the means that image pooling takes of them."""
        return self._run(self._model.context_of, images)

    def run_in_context(
        self, images: NDArray[np.float32], context: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """As `run`, with the means of a larger picture, (1, K, 1, 1)."""
        means = torch.from_numpy(context).to(self._device)
        return self._run(lambda batch: self._model.logits_at_stride(batch, means), images)

    @torch.inference_mode()
    def _run(
        self, network: Callable[[Tensor], Tensor], images: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        try:
            batch = torch.from_numpy(images).to(self._device, memory_format=torch.channels_last)
            return network(batch).float().cpu().contiguous().numpy()
        except (torch.OutOfMemoryError, MemoryError) as error:
            height, width = images.shape[-2:]
            raise ResourceError(
                f"not enough memory for {width} x {height} pixels on {self._device}: {error}"
            ) from None
