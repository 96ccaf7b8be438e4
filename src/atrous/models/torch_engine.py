"""Torch as an engine of the runtime."""

import contextlib
import threading
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from atrous.errors import ConfigError, ResourceError
from atrous.models.memory import is_out_of_memory
from atrous.models.segmenter import Segmenter
from atrous.runtime.engine import Precision

_TYPES: dict[Precision, torch.dtype] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}


class TorchEngine:
    """A network in torch, on the GPU if there is one.

    Channels are last in memory. That is faster on a CPU, too, since atrous depthwise convolutions
    go around torch's slow path (`atrous.layers.depthwise`).

    Args:
        model: The network; put into evaluation mode.
        device: Where to run; None for the GPU if there is one, else the CPU.
        precision: ``bf16`` and ``fp16`` compute convolutions in 16 bits by autocast.
        compiled: Whether torch.compile makes the network faster. That takes minutes, and again for
            pictures of other sizes: it is for many pictures of one size.

    Raises:
        ConfigError: If the device cannot compute in ``precision``.
    """

    def __init__(
        self,
        model: Segmenter,
        *,
        device: torch.device | None = None,
        precision: Precision = "fp32",
        compiled: bool = False,
    ) -> None:
        self._device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if precision == "fp16" and self._device.type == "cpu":
            raise ConfigError("torch computes in fp16 on a GPU only; take --precision bf16 or fp32")
        self._precision = precision
        self._model = model.eval().to(self._device).to(memory_format=torch.channels_last)
        self._logits: Any = self._model.logits_at_stride
        # Compiling is not made for several threads; a compiled network runs one picture at a time.
        self._one_at_a_time = threading.Lock() if compiled else contextlib.nullcontext()
        self.takes_context = model.image_pool is not None
        if compiled:
            self._logits = torch.compile(self._model.logits_at_stride)
        parts = ("torch", "compiled" if compiled else "", "" if precision == "fp32" else precision)
        self.name = ", ".join(part for part in parts if part)

    @property
    def threads(self) -> int:
        """Threads on the CPU; torch has one number for the whole process."""
        return torch.get_num_threads()

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Normalized images (B, C, H, W) -> logits (B, num_classes, h, w)."""
        return self._run(self._logits, images)

    def context_of(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Normalized images (B, C, H, W) -> the means that image pooling takes of them."""
        return self._run(self._model.context_of, images)

    def run_in_context(
        self, images: NDArray[np.float32], context: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """As `run`, with the means of a larger picture, (1, K, 1, 1)."""
        means = torch.from_numpy(context).to(self._device)
        return self._run(lambda batch: self._logits(batch, means), images)

    @torch.inference_mode()
    def _run(self, network: Any, images: NDArray[np.float32]) -> NDArray[np.float32]:
        try:
            batch = torch.from_numpy(images).to(self._device, memory_format=torch.channels_last)
            with self._one_at_a_time, self._autocast():
                found = network(batch)
            return np.ascontiguousarray(found.float().cpu().numpy())
        except (RuntimeError, MemoryError) as error:
            if type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
                raise ConfigError(
                    "torch cannot compile the network on this machine; take --engine torch "
                    f"({type(error).__name__})"
                ) from None
            if not is_out_of_memory(error):
                raise
            height, width = images.shape[-2:]
            raise ResourceError(
                f"not enough memory for {width} x {height} pixels on {self._device}: {error}"
            ) from None

    def _autocast(self) -> torch.autocast:
        halved = self._precision != "fp32"
        return torch.autocast(self._device.type, _TYPES[self._precision], enabled=halved)
