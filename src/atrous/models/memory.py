"""Memory that a network takes, computed without taking it; and whether there was too little."""

import weakref
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class _LiveBytes(TorchDispatchMode):
    """Adds up the storages that operations make, and takes away those that nobody holds."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._sizes: dict[int, int] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for x in tree_leaves(result):
            if isinstance(x, Tensor):
                self._add(x.untyped_storage())
        return result

    def _add(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._sizes:
            return  # a view of what is counted
        self._sizes[key] = storage.nbytes()
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._remove, key)

    def _remove(self, key: int) -> None:
        self.now -= self._sizes.pop(key)


def peak_activation_bytes(network: nn.Module, *shape: int) -> int:
    """Most bytes that the input and the maps of one forward take at once, without gradients.

    It is what torch holds when it runs operation by operation; the weights, and the workspaces
    of the libraries that compute convolutions, come on top.

    Args:
        network: On the meta device and in evaluation mode.
        shape: Of the input, such as 1, 3, 513, 513.
    """
    with torch.no_grad(), _LiveBytes() as live:
        network(torch.empty(shape, device="meta"))
    return live.peak


def weight_bytes(network: nn.Module) -> int:
    """Bytes of parameters and buffers, such as running statistics."""
    tensors = [*network.parameters(), *network.buffers()]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a GPU or this machine has no memory left."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    # torch's allocator for the CPU raises a plain RuntimeError.
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
