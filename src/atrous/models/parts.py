"""Names for the parts of a network, from the input to the logits."""

from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from torch import nn

from atrous.encoders import Encoder
from atrous.encoders.xception import XceptionUnit
from atrous.encoders.xception_original import XceptionModule
from atrous.layers.conv import ConvNormAct, SeparableConv
from atrous.models.segmenter import Segmenter

_SINGLE = {"root": "stem", "pool": "stem", "network": "blocks"}
"""Stages of what is no list of blocks; a network of timm is one part, as each is made its way."""
_CONTEXT = ("decoder.context.", "decoder.project", "decoder.weigh")
"""Of the decoders with a context, and of the light head, whose context is these two layers."""


class NamedPart(NamedTuple):
    """A few layers that belong together."""

    stage: str
    """``stem``, ``entry``, ``middle``, ``exit`` or ``blocks``; ``context``, ``decoder`` or
    ``classifier``."""
    module: nn.Module


def named_parts(model: Segmenter) -> dict[str, NamedPart]:
    """The parts by their prefix in the names of the weights, in the order in which they run."""
    parts = dict(_encoder_parts(model.encoder))
    for path, layer in _layers(model.decoder, "decoder"):
        parts[path] = NamedPart("context" if path.startswith(_CONTEXT) else "decoder", layer)
    if isinstance(model.classifier, nn.Conv2d):
        parts["classifier"] = NamedPart("classifier", model.classifier)
    return parts


def _encoder_parts(encoder: Encoder) -> Iterator[tuple[str, NamedPart]]:
    for name, child in encoder.named_children():
        if isinstance(child, nn.ModuleList):
            for index, stage in enumerate(_stages(child)):
                yield f"encoder.{name}.{index}", NamedPart(stage, child[index])
        else:
            yield f"encoder.{name}", NamedPart(_SINGLE.get(name, "exit"), child)


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
