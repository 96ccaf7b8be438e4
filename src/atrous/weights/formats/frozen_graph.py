"""Read a frozen TensorFlow graph (``.pb``, a GraphDef) without TensorFlow.

A frozen graph has a constant where the checkpoint has a variable, of the same name. Constants of
any other name are settings of operations, such as sizes and axes, and are no values of the network.
The fields' numbers are those of TensorFlow's ``graph.proto``, ``node_def.proto``,
``attr_value.proto`` and ``tensor.proto``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from atrous.errors import WeightsError
from atrous.models.config import OutputStride
from atrous.runtime.bilinear import AlignCorners
from atrous.weights.formats.contents import Contents, corners_of
from atrous.weights.formats.files import Read, read_file
from atrous.weights.formats.leaves import CHECKPOINT_LEAVES, FOLDED_LEAVES, turned
from atrous.weights.formats.protobuf import (
    Fields,
    content,
    float32s,
    messages,
    number,
    parse,
    text,
    varints,
)

_MAX_BYTES = 2 << 30  # a protocol buffer can have no more
_MAX_REPEATED = 1 << 24
"""Values beyond the bytes of the file: a constant that is the same everywhere is stored once."""
_DTYPES: Mapping[int, np.dtype[np.generic]] = {1: np.dtype("<f4"), 19: np.dtype("<f2")}
"""TensorFlow's numbers of the types that weights have."""

_VARIABLE = re.compile(rf"(?P<name>.+/({'|'.join(CHECKPOINT_LEAVES)}))(/read)?")
# The graph transform tool folds a norm into the weights, which keep their name, and adds what is
# left as a constant that is named after the convolution.
_FOLDED_OFFSET = re.compile(r"(?P<layer>.+)/[^/]+_bn_offset")


@dataclass(frozen=True)
class _Node:
    """An operation of the graph."""

    kind: str
    inputs: list[str]
    settings: Mapping[str, Fields]


def read_frozen_graph(path: Path, *, read: Read = read_file) -> Contents:
    """Read every constant of a frozen graph that is a variable of a network.

    Args:
        path: The ``.pb``, such as the ``frozen_inference_graph.pb`` of a released archive.
        read: Where the file comes from.

    Returns:
        The values by their TensorFlow names and in its layouts; or, if the graph transform tool
        folded the norms, ``LAYER/weights`` and ``LAYER/biases`` in those of torch. The output
        stride is told by the strides on the way to ASPP.

    Raises:
        WeightsError: If the file is missing, damaged, or no frozen graph.
    """
    data = read(path, _MAX_BYTES)
    try:
        nodes = {text(node, 1): _node(node) for node in messages(parse(data), 1)}
        values = _variables(nodes, budget=len(data) + _MAX_REPEATED)
        way = _way_to_aspp(nodes)
        stride, corners = _output_stride(way), _corners(nodes, way)
    except (ValueError, IndexError) as error:
        raise WeightsError(f"{path}: not a whole frozen graph ({error})") from None
    if not values:
        raise WeightsError(
            f"{path}: has no constants that are weights of a network. Only frozen graphs have; the "
            "weights of a SavedModel are the checkpoint variables/variables beside it"
        )
    folded = any(_FOLDED_OFFSET.fullmatch(name) for name in values)
    if folded:
        return Contents(_as_folded(values), FOLDED_LEAVES, stride, corners)
    return Contents(values, CHECKPOINT_LEAVES, stride, corners)


def _node(fields: Fields) -> _Node:
    # An input is a node's name, with the number of its output; those with ^ carry no values.
    names = [bytes(name).decode() for name in fields.get(3, []) if not isinstance(name, int)]
    return _Node(
        kind=text(fields, 2),
        inputs=[name.partition(":")[0] for name in names if not name.startswith("^")],
        settings={text(entry, 1): parse(content(entry, 2)) for entry in messages(fields, 5)},
    )


# --- The values ---------------------------------------------------------------------------------


def _variables(nodes: Mapping[str, _Node], *, budget: int) -> dict[str, NDArray[np.generic]]:
    values: dict[str, NDArray[np.generic]] = {}
    for name, node in nodes.items():
        match = _VARIABLE.fullmatch(name)
        if node.kind != "Const" or not (match or _FOLDED_OFFSET.fullmatch(name)):
            continue
        tensor = parse(content(node.settings.get("value", {}), 8))
        value = _tensor(name, tensor, budget)
        budget -= value.size
        values[match["name"] if match else name] = value
    return values


def _tensor(name: str, fields: Fields, budget: int) -> NDArray[np.generic]:
    if number(fields, 1) not in _DTYPES:
        raise ValueError(
            f"{name} is of TensorFlow's type {number(fields, 1)}; expected float32 or float16"
        )
    dtype = _DTYPES[number(fields, 1)]
    sides = messages(next(messages(fields, 2), {}), 2)
    shape = tuple(number(side, 1) for side in sides)
    count = prod(shape)
    if count > budget:
        raise ValueError(f"{name} claims {count} values, more than the file can have")
    raw = content(fields, 4)
    stored: NDArray[np.generic]
    stored = np.frombuffer(raw, dtype) if len(raw) else _listed(fields, dtype)
    if not 0 < stored.size <= count or (len(raw) and stored.size < count):
        raise ValueError(f"{name} of shape {list(shape)} has {stored.size} values")
    # In a list the last value stands for all that would follow.
    value = np.concatenate([stored, np.repeat(stored[-1:], count - stored.size)])
    return value.reshape(shape)


def _listed(fields: Fields, dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    if dtype.itemsize == 4:
        return float32s(fields, 5)
    bits = varints(fields, 13)
    if max(bits, default=0) > 0xFFFF:
        raise ValueError("a number of 16 bits has more")
    return np.array(bits, "<u2").view(dtype)


def _as_folded(values: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
    found = {}
    for name, value in values.items():
        offset = _FOLDED_OFFSET.fullmatch(name)
        layer, _, leaf = name.rpartition("/")
        if offset:
            found[f"{offset['layer']}/biases"] = value
        elif leaf in ("weights", "depthwise_weights"):
            found[f"{layer}/weights"] = turned(value, leaf)
        else:
            found[name] = value
    return found


# --- What the graph is made for -----------------------------------------------------------------


def _way_to_aspp(nodes: Mapping[str, _Node]) -> Mapping[str, _Node]:
    """The operations before the 1x1 branch of ASPP, last first; of joined maps one is followed."""
    way: dict[str, _Node] = {}
    name = "aspp0/Conv2D"
    while name in nodes and name not in way:  # a damaged graph can run in circles
        way[name] = nodes[name]
        name = next(iter(nodes[name].inputs), "")
    return way


def _output_stride(way: Mapping[str, _Node]) -> OutputStride | None:
    """The product of the strides; those of both sides of a residual unit are the same."""
    stride = 1
    for node in way.values():
        if "strides" in node.settings and stride <= 32:
            strides = varints(next(messages(node.settings["strides"], 1), {}), 3)
            stride *= strides[1] if len(strides) == 4 else 1
    known: Mapping[int, OutputStride] = {8: 8, 16: 16, 32: 32}
    return known.get(stride)


def _corners(nodes: Mapping[str, _Node], way: Mapping[str, _Node]) -> AlignCorners:
    """How maps are resized; what prepares the picture may do it in another way."""
    return corners_of(
        {
            (_truth(node, "align_corners"), _truth(node, "half_pixel_centers"))
            for name, node in nodes.items()
            if node.kind == "ResizeBilinear" and name not in way
        }
    )


def _truth(node: _Node, setting: str) -> bool:
    return bool(number(node.settings.get(setting, {}), 5))
