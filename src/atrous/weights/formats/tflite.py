"""Read the convolutions of a TFLite model without TensorFlow.

A model is one flatbuffer: operators, the tensors they take and give, and buffers with the values of
those that are constant. The fields' numbers are those of TensorFlow's ``schema.fbs``. Weights and
biases are found by walking the operators; their names only say which layer they are of.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from atrous.errors import WeightsError
from atrous.models.config import OutputStride
from atrous.runtime.bilinear import AlignCorners
from atrous.weights.formats.contents import Contents, corners_of
from atrous.weights.formats.files import read_file
from atrous.weights.formats.flatbuffer import Table, root_table
from atrous.weights.formats.leaves import FOLDED_LEAVES

_MARK = b"TFL3"
_MAX_BYTES = 2 << 30  # a flatbuffer reaches no further
_SIDES = range(33, 8193)
"""Sides of pictures that a network is made for; others are a mistake."""
_MAX_ENDS, _MAX_AXES = 64, 8
_CONV, _DEPTHWISE, _DEQUANTIZE, _RESIZE_BILINEAR = 3, 4, 6, 23
_FLOATS: Mapping[int, np.dtype[np.generic]] = {0: np.dtype("<f4"), 1: np.dtype("<f2")}
_QUANTIZED: Mapping[int, np.dtype[np.generic]] = {
    2: np.dtype("<i4"),
    3: np.dtype("u1"),
    7: np.dtype("<i2"),
    9: np.dtype("i1"),
}
_OUTPUT_STRIDES: tuple[OutputStride, ...] = (8, 16, 32)

_PARTS = re.compile(
    # The layer, then the operation or variable within it that the tensor is named after.
    r"(?P<layer>.+?)/((weights|depthwise_weights|biases|BatchNorm|Conv2D|mul_fold|Relu|BiasAdd)"
    r"([_\d/].*)?|depthwise\d*|depthwise_(Fold|bias)\w*)",
    re.DOTALL,
)


def read_tflite(path: Path) -> Contents:
    """Read the weights and biases of every convolution, quantized ones as what they stand for.

    Args:
        path: The ``.tflite`` file; float32, float16, or with 8-bit integers, for each tensor or
            each channel.

    Returns:
        ``LAYER/weights`` as (out, in, h, w), depthwise (channels, 1, h, w), and ``LAYER/biases`` as
        (out,), by TensorFlow's names of the layers; and the output stride, way of resizing and size
        of pictures that the graph is made for.

    Raises:
        WeightsError: If the file is missing, damaged, or holds no convolutions that can be read.
    """
    data = read_file(path, _MAX_BYTES)
    if data[4:8] != _MARK:
        raise WeightsError(f"{path}: not a TFLite model, or one of before version 3")
    try:
        graph = _graph(data)
        values = _convolutions(graph)
        corners, size = _corners(graph), _size(graph)
        stride = _output_stride(graph, size)
    except (ValueError, IndexError, OverflowError) as error:
        raise WeightsError(f"{path}: is damaged, or no network that is read ({error})") from None
    if not values:
        raise WeightsError(f"{path}: holds no convolution with weights")
    side = max(size) if max(size) in _SIDES else None
    return Contents(values, FOLDED_LEAVES, stride, corners, side)


# --- The graph ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Graph:
    """The first subgraph of a model; the others are bodies of conditions and loops."""

    operators: list[tuple[int, Table]]
    """Each with TensorFlow's number of what it does."""
    tensors: list[Table]
    buffers: list[Table]
    inputs: list[int]
    file_bytes: int

    @cached_property
    def widened(self) -> Mapping[int, int]:
        """Tensors that are widened from another one, as weights of 16 bits are."""
        pairs = (_ends(operator) for code, operator in self.operators if code == _DEQUANTIZE)
        return {outputs[0]: inputs[0] for inputs, outputs in pairs}

    def tensor(self, index: int) -> Table:
        if not 0 <= index < len(self.tensors):
            raise ValueError(f"tensor {index} is not there")
        return self.tensors[index]


def _graph(data: bytes) -> _Graph:
    model = root_table(data)
    # Numbers up to 127 have a field of one byte, which newer files still fill.
    codes = [max(code.number(0, "b"), code.number(3, "i")) for code in model.tables(1)]
    subgraph = next(model.tables(2), None)
    if subgraph is None:
        raise ValueError("it has no graph")
    return _Graph(
        operators=[(codes[table.number(0, "I")], table) for table in subgraph.tables(3)],
        tensors=list(subgraph.tables(0)),
        buffers=list(model.tables(4)),
        inputs=subgraph.vector(1, "<i4").tolist(),
        file_bytes=len(data),
    )


def _ends(operator: Table) -> tuple[list[int], list[int]]:
    """Tensors that an operator takes and gives."""
    inputs, outputs = operator.vector(1, "<i4"), operator.vector(2, "<i4")
    if inputs.size + outputs.size > _MAX_ENDS:
        raise ValueError(f"an operator takes {inputs.size} tensors and gives {outputs.size}")
    return inputs.tolist(), outputs.tolist()


def _shape(tensor: Table) -> tuple[int, ...]:
    sides = tensor.vector(0, "<i4")
    if sides.size > _MAX_AXES:
        raise ValueError(f"a tensor has {sides.size} axes")
    return tuple(sides.tolist())


def _sides(tensor: Table) -> tuple[int, int]:
    """Height and width of a map; zeros if they are not fixed."""
    shape = _shape(tensor)
    return (shape[1], shape[2]) if len(shape) == 4 and min(shape) > 0 else (0, 0)


# --- What the graph is made for -----------------------------------------------------------------


def _size(graph: _Graph) -> tuple[int, int]:
    return _sides(graph.tensor(graph.inputs[0])) if graph.inputs else (0, 0)


def _output_stride(graph: _Graph, size: tuple[int, int]) -> OutputStride | None:
    """By the side of the map that the 1x1 branch of ASPP gives: padding rounds it up."""
    for operator in (operator for code, operator in graph.operators if code == _CONV):
        inputs, outputs = _ends(operator)
        if _layer(graph.tensor(inputs[1])) == "aspp0":
            side = _sides(graph.tensor(outputs[0]))[0]
            fitting = [stride for stride in _OUTPUT_STRIDES if -(-size[0] // stride) == side]
            return fitting[0] if side and len(fitting) == 1 else None
    return None


def _corners(graph: _Graph) -> AlignCorners:
    options = (operator.table(4) for code, operator in graph.operators if code == _RESIZE_BILINEAR)
    return corners_of(
        {(bool(option.number(2, "?")), bool(option.number(3, "?"))) for option in options if option}
    )


# --- The values ---------------------------------------------------------------------------------


def _convolutions(graph: _Graph) -> dict[str, NDArray[np.float32]]:
    values: dict[str, NDArray[np.float32]] = {}
    total = 0
    for code, operator in graph.operators:
        if code not in (_CONV, _DEPTHWISE):
            continue
        inputs, _ = _ends(operator)
        layer = _layer(graph.tensor(inputs[1]))
        if f"{layer}/weights" in values:
            raise ValueError(f"two convolutions are called {layer!r}")
        parts = dict(zip(("weights", "biases"), inputs[1:], strict=False))
        for part, index in parts.items():
            if index >= 0:  # a convolution without biases says so by -1
                value = _value(graph, index)
                values[f"{layer}/{part}"] = _turned(value, code) if part == "weights" else value
                total += value.size
        # Tensors may share a buffer; a small file must not become an endless number of values.
        if total > graph.file_bytes:
            raise ValueError("its convolutions claim more values than the file has bytes")
    return values


def _turned(weights: NDArray[np.float32], code: int) -> NDArray[np.float32]:
    if weights.ndim != 4:
        raise ValueError(f"the weights of a convolution have the shape {weights.shape}")
    return weights.transpose(3, 0, 1, 2) if code == _DEPTHWISE else weights.transpose(0, 3, 1, 2)


def _layer(tensor: Table) -> str:
    """TensorFlow's scope of the layer that a tensor is of.

    A tensor of several merged operations has all of their names; the first is its own.
    """
    name = tensor.text(3).partition(";")[0]
    match = _PARTS.fullmatch(name)
    return match["layer"] if match else name


def _value(graph: _Graph, index: int) -> NDArray[np.float32]:
    tensor = graph.tensor(graph.widened.get(index, index))
    name, kind, shape = tensor.text(3), tensor.number(1, "b"), _shape(tensor)
    if tensor.table(6) is not None:
        raise ValueError(f"{name} is sparse, which is not read")
    dtype = _FLOATS.get(kind) or _QUANTIZED.get(kind)
    if dtype is None:
        raise ValueError(f"{name} is of TFLite's type {kind}, which is not read")
    number = tensor.number(2, "I")
    if number >= len(graph.buffers):
        raise ValueError(f"{name} names buffer {number}, which is not there")
    raw = graph.buffers[number].vector(0, np.uint8)
    if min(shape, default=1) < 1 or raw.size != prod(shape) * dtype.itemsize:
        raise ValueError(f"{name} of shape {list(shape)} cannot be of {raw.size} bytes")
    value = np.frombuffer(raw.data, dtype).reshape(shape)
    if kind in _FLOATS:
        return value.astype(np.float32)
    return _dequantized(name, value, tensor.table(4))


def _dequantized(
    name: str, value: NDArray[np.generic], quantization: Table | None
) -> NDArray[np.float32]:
    """Integers as what they stand for: scale x (integer - zero point), of a tensor or channel."""
    if quantization is None or not quantization.vector(2, "<f4").size:
        raise ValueError(f"{name} holds integers without a scale")
    scales = quantization.vector(2, "<f4").astype(np.float64)
    zeros = quantization.vector(3, "<i8").astype(np.float64)
    zeros = zeros if zeros.size else np.zeros_like(scales)
    axis = quantization.number(6, "i")
    channels = value.shape[axis] if 0 <= axis < value.ndim else 0
    if scales.size not in (1, channels) or zeros.size not in (1, scales.size):
        raise ValueError(f"{name} of shape {list(value.shape)} has {scales.size} scales")
    along = [1] * value.ndim
    if scales.size > 1:
        along[axis] = -1
    # Differences of 32-bit integers need more than float32.
    exact = (value.astype(np.float64) - zeros.reshape(along)) * scales.reshape(along)
    with np.errstate(over="ignore"):
        return exact.astype(np.float32)
