"""How many pixels of a picture a feature map can see."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_SIDE = 65
"""Of the input that is walked through; what is found holds for every size."""


@dataclass(frozen=True)
class Field:
    """What one position of a map sees of the input along one side."""

    pixels: float = 1
    """Width of the window, edge to edge; infinite if it is the whole picture."""
    stride: int = 1
    """Input pixels from one position to the next."""


class _FieldWalk(TorchDispatchMode):
    """Carries fields from the operations' inputs to their results."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        # Tensors are kept, so that no other can take over an identity; on meta they are empty.
        self._known: dict[int, tuple[Tensor, Field]] = {}

    def start(self, x: Tensor) -> None:
        self._known[id(x)] = (x, Field())

    def field(self, x: Tensor) -> Field:
        return self._known[id(x)][1]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        seen = [self.field(x) for x in tree_leaves((args, kwargs)) if id(x) in self._known]
        if seen:
            # Where maps of several fields meet, the widest one counts.
            widest = max(seen, key=lambda field: field.pixels)
            field = _through(func.overloadpacket.__name__, args, widest)
            for x in tree_leaves(result):
                if isinstance(x, Tensor):
                    self._known[id(x)] = (x, field)
        return result


def _through(operation: str, args: tuple[Any, ...], field: Field) -> Field:
    """The field behind one operation, from the field in front of it."""
    match operation:
        case "convolution":
            kernel, stride, rate = args[1].shape[-1], args[3][0], args[5][0]
        case "max_pool2d_with_indices" | "avg_pool2d":
            window = [*args[1:], *([[]] * 5)][:5]
            kernel = window[0][0]
            stride = (window[1] or window[0])[0]
            rate = window[3][0] if operation.startswith("max") and window[3] else 1
        case "mean":
            return Field(math.inf, field.stride)
        case _:
            return field
    return Field(field.pixels + (kernel - 1) * rate * field.stride, field.stride * stride)


def receptive_fields(network: nn.Module, parts: Mapping[str, nn.Module]) -> dict[str, Field]:
    """The receptive field of parts of a network, in pixels of its input.

    Every operation is walked through on torch's meta device; nothing is computed. Resizing is
    taken as seeing nothing new, so what lies behind it is not exact.

    Args:
        network: Takes images (B, ``in_channels``, H, W); on the meta device.
        parts: Modules inside it, by any name. Of several maps the last counts.
    """
    walk = _FieldWalk()
    found: dict[str, Field] = {}
    hooks = [part.register_forward_hook(_keep(found, name, walk)) for name, part in parts.items()]
    first = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    try:
        with torch.no_grad(), walk:
            images = torch.empty(1, first.in_channels, _SIDE, _SIDE, device="meta")
            walk.start(images)
            network(images)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _keep(found: dict[str, Field], name: str, walk: _FieldWalk) -> Any:
    def hook(_module: nn.Module, _inputs: object, result: Tensor | tuple[Tensor, ...]) -> None:
        found[name] = walk.field(result if isinstance(result, Tensor) else result[-1])

    return hook
