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
_PRODUCTS = ("mm", "addmm", "bmm", "baddbmm")
"""Operations that may mix positions; the shapes do not tell whether they do."""


@dataclass(frozen=True)
class Field:
    """What one position of a map sees of the input, as (rows, columns) of pixels."""

    pixels: tuple[float, float] = (1, 1)
    """Height and width of the window, edge to edge; infinite if it is the whole picture, and not a
    number if it is unknown, behind products of matrices, such as attention."""
    strides: tuple[int, int] = (1, 1)
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
            field = _through(func.overloadpacket.__name__, args, _union(seen))
            for x in tree_leaves(result):
                if isinstance(x, Tensor):
                    self._known[id(x)] = (x, field)
        return result


def _union(fields: list[Field]) -> Field:
    """Where maps of several fields meet, the widest counts; all are centred on one pixel."""
    if unknown := next((field for field in fields if math.isnan(sum(field.pixels))), None):
        return unknown
    rows, columns = zip(*(field.pixels for field in fields), strict=True)
    return Field((max(rows), max(columns)), fields[0].strides)


def _through(operation: str, args: tuple[Any, ...], field: Field) -> Field:
    """The field behind one operation, from the field in front of it."""
    match operation:
        case "convolution":
            windows = zip(args[1].shape[2:], args[3], args[5], strict=True)
        case "max_pool2d_with_indices":
            windows = zip(args[1], args[2], args[4] if len(args) > 4 else (1, 1), strict=True)
        case "avg_pool2d":
            windows = zip(args[1], args[2] if len(args) > 2 else args[1], (1, 1), strict=True)
        case "mean":
            return Field((math.inf, math.inf), field.strides)
        case _ if operation in _PRODUCTS or "attention" in operation:
            return Field((math.nan, math.nan), field.strides)
        case _:
            return field
    (rows, row_step), (columns, column_step) = (
        (seen + (kernel - 1) * rate * step, step * stride)
        for (kernel, stride, rate), seen, step in zip(
            windows, field.pixels, field.strides, strict=True
        )
    )
    return Field((rows, columns), (row_step, column_step))


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
