"""What a network is made of: its parts with their maps, sizes and costs."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from atrous.encoders import Encoder
from atrous.layers.count import count_parameters
from atrous.models.build import build_model
from atrous.models.config import ModelConfig
from atrous.models.memory import peak_activation_bytes, weight_bytes
from atrous.models.parts import NamedPart, named_parts
from atrous.models.receptive_field import Field, receptive_fields
from atrous.models.segmenter import Segmenter

Rates: TypeAlias = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Part:
    """A few layers that belong together, or several such that are alike."""

    stage: str
    """See `atrous.models.parts.NamedPart`."""
    name: str
    """Its prefix in the names of the weights; ``units.3`` to ``units.18`` are ``units.3-18``."""
    size: tuple[int, int]
    """Height and width of its result."""
    stride: int | None
    """Input pixels for each of the result's; None where the map was averaged over windows."""
    channels: int
    """Of its result."""
    atrous_rates: Rates
    """Vertical and horizontal rates of its convolutions that are larger than 1x1."""
    parameters: int
    """Trained values."""
    multiply_adds: int
    """Of convolutions and products of matrices, for one picture."""


@dataclass(frozen=True)
class Summary:
    """A network at one size of its input."""

    size: tuple[int, int]
    """Height and width of the input."""
    parts: tuple[Part, ...]
    """From the input to the logits."""
    fields: dict[str, Field]
    """Receptive fields of the encoder and of the branches of the context."""
    weight_bytes: int
    """Parameters and running statistics, as they are stored."""
    peak_activation_bytes: int
    """See `atrous.models.memory.peak_activation_bytes`."""

    @property
    def parameters(self) -> int:
        """Trained values of all parts."""
        return sum(part.parameters for part in self.parts)

    @property
    def multiply_adds(self) -> int:
        """Of all parts, for one picture."""
        return sum(part.multiply_adds for part in self.parts)


def build_empty(config: ModelConfig) -> Segmenter:
    """Build a network without values, on torch's meta device.

    Raises:
        ConfigError: If ``config`` cannot be built.
        DependencyError: If its encoder needs a package that is not installed.
    """
    with torch.device("meta"):
        return build_model(config).eval()


def summarize(model: Segmenter, size: tuple[int, int]) -> Summary:
    """Find out what a network is made of, without computing anything.

    Args:
        model: From `build_empty`.
        size: Height and width of the input in pixels.
    """
    parts = named_parts(model)
    first = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
    shape = (1, first.in_channels, *size)
    maps, counts = _run(model, parts, shape)
    context = {
        name: part.module
        for name, part in parts.items()
        if part.stage == "context" and not name.endswith(".project")
    }
    return Summary(
        size=size,
        parts=tuple(_merged(_rows(parts, maps, counts, size[0]))),
        fields=receptive_fields(model, {"encoder": model.encoder, **context}),
        weight_bytes=weight_bytes(model),
        peak_activation_bytes=peak_activation_bytes(model, *shape),
    )


def _run(
    model: Segmenter, parts: Mapping[str, NamedPart], shape: tuple[int, ...]
) -> tuple[dict[str, Tensor], dict[str, int]]:
    """Results of the parts and of the encoder, and multiply-adds of every module, by name."""
    maps: dict[str, Tensor] = {}
    modules = {name: part.module for name, part in parts.items()} | {"encoder": model.encoder}
    hooks = [module.register_forward_hook(_keep(maps, name)) for name, module in modules.items()]
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            model(torch.empty(shape, device="meta"))
    finally:
        for hook in hooks:
            hook.remove()
    top = f"{type(model).__name__}."
    counts = {
        name.removeprefix(top): sum(operations.values()) // 2
        for name, operations in counter.get_flop_counts().items()
    }
    return maps, counts


def _keep(maps: dict[str, Tensor], name: str) -> Any:
    def hook(module: nn.Module, _inputs: object, result: Any) -> None:
        # Encoders give their deepest map last, and so do networks of timm, in a list. Blocks give
        # their own result first, and then what a decoder may read.
        place = -1 if isinstance(module, Encoder) or isinstance(result, list) else 0
        maps[name] = result if isinstance(result, Tensor) else result[place]

    return hook


def _rows(
    parts: Mapping[str, NamedPart],
    maps: Mapping[str, Tensor],
    counts: Mapping[str, int],
    height: int,
) -> Iterator[Part]:
    deepest = maps["encoder"].shape[-2]
    for name, (stage, module) in parts.items():
        rows, columns = maps[name].shape[-2:]
        convs = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]
        rates = {layer.dilation for layer in convs if max(layer.kernel_size) > 1}
        yield Part(
            stage=stage,
            name=name,
            size=(rows, columns),
            # Strides are powers of two; maps are rounded up, so the ratio is a little less.
            stride=2 ** round(math.log2(height / rows)) if rows >= deepest else None,
            channels=maps[name].shape[1],
            atrous_rates=tuple(sorted((rate[0], rate[1]) for rate in rates)),
            parameters=count_parameters(module),
            multiply_adds=counts.get(name, 0),
        )


def _merged(parts: Iterator[Part]) -> Iterator[Part]:
    """Neighbours that are alike as one, with the sum of their parameters and multiply-adds."""
    run: list[Part] = []
    for part in parts:
        if run and _likeness(part) != _likeness(run[0]):
            yield _sum(run)
            run = []
        run.append(part)
    yield _sum(run)


def _likeness(part: Part) -> Part:
    block, _, index = part.name.rpartition(".")
    return replace(part, name=block if index.isdigit() else part.name)


def _sum(run: list[Part]) -> Part:
    first, last = run[0], run[-1]
    return replace(
        first,
        name=first.name if len(run) == 1 else f"{first.name}-{last.name.rpartition('.')[2]}",
        parameters=sum(part.parameters for part in run),
        multiply_adds=sum(part.multiply_adds for part in run),
    )
