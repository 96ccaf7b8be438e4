"""What a network is made of: its parts with their maps, sizes and costs."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from atrous.encoders.xception import XceptionUnit
from atrous.encoders.xception_original import XceptionModule
from atrous.layers.conv import ConvNormAct, SeparableConv
from atrous.layers.count import count_parameters, multiply_adds_by_layer
from atrous.models.build import build_model
from atrous.models.config import ModelConfig
from atrous.models.memory import peak_activation_bytes, weight_bytes
from atrous.models.receptive_field import Field, receptive_fields
from atrous.models.segmenter import Segmenter

_STEM = ("root", "pool")
_CONTEXT = ("decoder.context.", "decoder.project", "decoder.weigh")
"""Of the decoders with a context, and of the light head, whose context is these two layers."""

Rates: TypeAlias = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Part:
    """A few layers that belong together, or several such that are alike."""

    stage: str
    """``stem``, ``entry``, ``middle``, ``exit`` or ``blocks``, ``context``, ``decoder`` or
    ``classifier``."""
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
    multiply_adds: int


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
        """Trained values."""
        return sum(part.parameters for part in self.parts)

    @property
    def multiply_adds(self) -> int:
        """Of the convolutions, for one picture."""
        return sum(part.multiply_adds for part in self.parts)


def build_empty(config: ModelConfig) -> Segmenter:
    """Build a network without values, on torch's meta device.

    Raises:
        ConfigError: If ``config`` cannot be built.
    """
    with torch.device("meta"):
        return build_model(config).eval()


def summarize(model: Segmenter, size: tuple[int, int]) -> Summary:
    """Find out what a network is made of, without computing anything.

    Args:
        model: From `build_empty`.
        size: Height and width of the input in pixels.
    """
    shape = (1, _in_channels(model), *size)
    parts = dict(_named_parts(model))
    results: dict[str, Tensor] = {}
    hooks = [
        module.register_forward_hook(_keep(results, name)) for name, (_, module) in parts.items()
    ]
    try:
        counts = multiply_adds_by_layer(model, *shape)
    finally:
        for hook in hooks:
            hook.remove()
    encoder_heights = [y.shape[-2] for name, y in results.items() if name.startswith("encoder.")]
    strides = _strides(size[0], min(encoder_heights))
    rows = [
        _part(name, stage, module, results[name], counts, strides)
        for name, (stage, module) in parts.items()
    ]
    context = {
        name: module
        for name, (stage, module) in parts.items()
        if stage == "context" and not name.endswith(".project")
    }
    return Summary(
        size=size,
        parts=tuple(_merged(rows)),
        fields=receptive_fields(model, {"encoder": model.encoder, **context}),
        weight_bytes=weight_bytes(model),
        peak_activation_bytes=peak_activation_bytes(model, *shape),
    )


def _in_channels(model: nn.Module) -> int:
    return next(part.in_channels for part in model.modules() if isinstance(part, nn.Conv2d))


def _named_parts(model: Segmenter) -> Iterator[tuple[str, tuple[str, nn.Module]]]:
    """Names of the parts, each with its stage and its module."""
    for name, child in model.encoder.named_children():
        if isinstance(child, nn.ModuleList):
            for index, stage in enumerate(_stages(child)):
                yield f"encoder.{name}.{index}", (stage, child[index])
        else:
            yield f"encoder.{name}", ("stem" if name in _STEM else "exit", child)
    for path, layer in _layers(model.decoder, "decoder"):
        yield path, ("context" if path.startswith(_CONTEXT) else "decoder", layer)
    if isinstance(model.classifier, nn.Conv2d):
        yield "classifier", ("classifier", model.classifier)


def _stages(blocks: nn.ModuleList) -> list[str]:
    """The flow that each block of an Xception is in; others have just blocks."""
    if not isinstance(blocks[0], XceptionUnit | XceptionModule):
        return ["blocks"] * len(blocks)
    # The middle flow adds its input as it is; the last block of all has no shortcut either.
    plain = [isinstance(block.shortcut, nn.Identity) for block in blocks]
    entry = plain.index(True)
    middle = len(list(takewhile(bool, plain[entry:])))
    return ["entry"] * entry + ["middle"] * middle + ["exit"] * (len(plain) - entry - middle)


def _layers(module: nn.Module, path: str) -> Iterator[tuple[str, nn.Module]]:
    """The layers inside a module, without looking into them."""
    for name, child in module.named_children():
        if isinstance(child, ConvNormAct | SeparableConv | nn.Conv2d):
            yield f"{path}.{name}", child
        else:
            yield from _layers(child, f"{path}.{name}")


def _keep(results: dict[str, Tensor], name: str) -> Any:
    def hook(_module: nn.Module, _inputs: object, result: Tensor | tuple[Tensor, ...]) -> None:
        results[name] = result if isinstance(result, Tensor) else result[0]

    return hook


def _part(
    name: str,
    stage: str,
    module: nn.Module,
    result: Tensor,
    counts: dict[str, int],
    strides: Callable[[int], int | None],
) -> Part:
    convs = [part for part in module.modules() if isinstance(part, nn.Conv2d)]
    rates = {(conv.dilation[0], conv.dilation[1]) for conv in convs if max(conv.kernel_size) > 1}
    height, width = result.shape[-2:]
    return Part(
        stage=stage,
        name=name,
        size=(height, width),
        stride=strides(height),
        channels=result.shape[1],
        atrous_rates=tuple(sorted(rates)),
        parameters=count_parameters(module),
        multiply_adds=sum(
            count for conv, count in counts.items() if conv == name or conv.startswith(f"{name}.")
        ),
    )


def _strides(height: int, deepest: int) -> Callable[[int], int | None]:
    """From a map's height to its stride, for an input and a deepest map of these heights."""

    def stride(rows: int) -> int | None:
        # Strides are powers of two; maps are rounded up, so the ratio is a little less.
        return None if rows < deepest else 2 ** round(math.log2(height / rows))

    return stride


def _merged(parts: list[Part]) -> Iterator[Part]:
    """Neighbours that are alike as one, with the sum of their parameters and multiply-adds."""
    run: list[Part] = []
    for part in parts:
        if run and _likeness(part) != _likeness(run[0]):
            yield _sum(run)
            run = []
        run.append(part)
    yield _sum(run)


def _likeness(part: Part) -> Part:
    return replace(part, name=part.name.rpartition(".")[0])


def _sum(run: list[Part]) -> Part:
    first, last = run[0], run[-1]
    return replace(
        first,
        name=first.name if len(run) == 1 else f"{first.name}-{last.name.rpartition('.')[2]}",
        parameters=sum(part.parameters for part in run),
        multiply_adds=sum(part.multiply_adds for part in run),
    )
