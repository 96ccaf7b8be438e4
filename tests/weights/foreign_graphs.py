"""TFLite models, frozen graphs and V1 checkpoints of our own making, for tests of their readers."""

import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from atrous.runtime.upsample import AlignCorners
from weights.foreign import Arrays, field, write_table

Scalar = tuple[str, float]
"""Kind, as of `struct`, and value."""
Flat = Scalar | str | np.ndarray | list | dict
"""What a flatbuffer can hold: a table is a dict of fields by number."""


def small_layers() -> dict[str, np.ndarray]:
    """A dense, a depthwise and a 1x1 convolution, filled at random."""
    random = np.random.default_rng(0)
    shapes = {"net/dense": (4, 3, 3, 3), "net/depthwise": (4, 1, 3, 3), "aspp0": (2, 4, 1, 1)}
    return {name: random.standard_normal(shape) for name, shape in shapes.items()}


# --- TFLite -------------------------------------------------------------------------------------

_NUMBERS = {"float32": 0, "float16": 1, "int32": 2, "uint8": 3, "int8": 9}


def write_tflite(path: Path, layers: Arrays, **options) -> Path:
    """The TFLite model of `tflite_table` as a file."""
    path.write_bytes(flatbuffer(tflite_table(layers, **options), mark=b"TFL3"))
    return path


def tflite_table(
    layers: Arrays,
    *,
    dtype: str = "float32",
    side: int = 65,
    stride: int = 16,
    align_corners: tuple[AlignCorners, ...] = (True,),
    names: Mapping[str, str] = {},
) -> dict:
    """A TFLite model whose convolutions have these weights, each with biases 0, 1, 2 ...

    A weight (channels, 1, h, w) becomes a depthwise convolution. Pictures have ``side`` pixels, and
    every map has so many as a network of that output stride. ``uint8`` is quantized for each
    tensor, ``int8`` for each channel. ``names`` are those of weights that have one of their own.
    """
    model = _Model(names)
    below = model.add("input", np.zeros((1, side, side, 3)), "float32", constant=False)
    for name, weights in layers.items():
        below = _add_layer(model, below, name, weights, dtype, -(-side // stride))
    for corners in align_corners:
        model.operators.append(
            {0: ("I", 3), 4: {2: ("?", corners is True), 3: ("?", corners is False)}}
        )
    subgraph = {0: model.tensors, 1: np.array([0], "i4"), 3: model.operators}
    codes = [{0: ("b", code)} for code in (3, 4, 6, 23)]
    return {0: ("I", 3), 1: codes, 2: [subgraph], 4: model.buffers}


def flatbuffer(table: Flat, *, mark: bytes = b"TEST") -> bytes:
    """A table as a whole flatbuffer."""
    out = bytearray(4) + mark
    out[:4] = struct.pack("<I", _append(out, table))
    return bytes(out)


class _Model:
    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names
        self.tensors: list[dict] = []
        self.buffers: list[dict] = [{}]
        self.operators: list[dict] = []

    def add(self, name, values, dtype, *, constant=True, axis=None) -> int:
        quantization: dict = {}
        if dtype not in ("float32", "float16"):
            values, quantization = _quantized(values, dtype, axis)
        if constant:
            self.buffers.append({0: np.frombuffer(values.astype(dtype).tobytes(), "u1")})
        self.tensors.append(
            {
                0: np.array(values.shape, "i4"),
                1: ("b", _NUMBERS[dtype]),
                2: ("I", len(self.buffers) - 1 if constant else 0),
                3: self.names.get(name, name),
                **({4: quantization} if quantization else {}),
            }
        )
        return len(self.tensors) - 1


def _quantized(values, dtype, axis):
    """Integers that stand for the values, 100 steps to the largest, and how to read them."""
    others = tuple(a for a in range(values.ndim) if a != axis)
    scales = np.maximum(np.abs(values).max(axis=None if axis is None else others), 1e-3) / 100
    zero = 120 if dtype == "uint8" else 0
    shape = [1] * values.ndim
    if axis is not None:
        shape[axis] = -1
    steps = np.round(values / scales.reshape(shape)) + zero
    zeros = np.full(scales.size, zero, "i8")
    return steps, {2: np.atleast_1d(scales).astype("f4"), 3: zeros, 6: ("i", axis or 0)}


def _add_layer(model, below, name, weights, dtype, side) -> int:
    out, inner, height, _ = weights.shape
    depthwise = inner == 1 and height > 1
    laid_out = weights.transpose((1, 2, 3, 0) if depthwise else (0, 2, 3, 1))
    leaf = "depthwise_weights" if depthwise else "weights"
    axis = {"int8": 3 if depthwise else 0}.get(dtype)
    stored = model.add(f"{name}/{leaf}", laid_out, dtype, axis=axis)
    if dtype == "float16":
        wide = model.add(f"{name}/{leaf}_wide", laid_out, "float32", constant=False)
        model.operators.append(_operator(2, [stored], [wide]))
        stored = wide
    bias_dtype = "int32" if "int" in dtype else "float32"
    biases = model.add(f"{name}/Conv2D_bias", np.arange(out), bias_dtype)
    above = model.add(f"{name}/Relu6", np.zeros((1, side, side, out)), "float32", constant=False)
    model.operators.append(_operator(int(depthwise), [below, stored, biases], [above]))
    return above


def _operator(code, inputs, outputs):
    return {0: ("I", code), 1: np.array(inputs, "i4"), 2: np.array(outputs, "i4")}


def _append(out: bytearray, value: Flat) -> int:
    """Append a part of a flatbuffer, what it names behind it, and return its place."""
    out += bytes(-len(out) % 4)
    if isinstance(value, str):
        value = np.frombuffer(value.encode(), "u1")
    if isinstance(value, np.ndarray):
        place = len(out)
        out += struct.pack("<I", value.size) + value.tobytes()
        return place
    items = dict(enumerate(value)) if isinstance(value, list) else value
    if isinstance(value, list):
        place = len(out)
        out += struct.pack("<I", len(items))
    else:
        vtable, count = len(out), max(items, default=-1) + 1
        slots = {number: 4 + 4 * slot for slot, number in enumerate(items)}
        out += struct.pack("<HH", 4 + 2 * count, 4 + 4 * len(items))
        out += struct.pack(f"<{count}H", *(slots.get(number, 0) for number in range(count)))
        out += bytes(-len(out) % 4)
        place = len(out)
        out += struct.pack("<i", place - vtable)
    first = len(out)
    for item in items.values():
        scalar = isinstance(item, tuple)
        out += struct.pack(f"<{item[0]}", item[1]).ljust(4, b"\0") if scalar else bytes(4)
    for slot, item in enumerate(items.values()):
        if not isinstance(item, tuple):
            start = first + 4 * slot
            out[start : start + 4] = struct.pack("<I", _append(out, item) - start)
    return place


# --- TensorFlow ---------------------------------------------------------------------------------


def write_frozen_graph(
    path: Path,
    arrays: Arrays,
    *,
    strides: tuple[int, ...] = (2, 2, 2, 2),
    align_corners: AlignCorners = True,
    listed: bool = False,
) -> Path:
    """A GraphDef with a constant for each array, read through an identity as freezing leaves it.

    Convolutions of these strides lead to ASPP. With ``listed`` the values are a list of numbers
    rather than bytes, of which equal ones at the end are left out, as TensorFlow does.
    """
    nodes = [_node("ImageTensor", "Placeholder")]
    for name, values in arrays.items():
        nodes.append(_node(name, "Const", value=field(8, tensor_proto(values, listed=listed))))
        nodes.append(_node(f"{name}/read", "Identity", inputs=[name]))
    below = "ImageTensor"
    for index, stride in enumerate(strides):
        name = f"net/conv{index}"
        packed = field(1, field(3, bytes([1, stride, stride, 1])))
        nodes.append(_node(name, "Conv2D", inputs=[f"{below}:0"], strides=packed))
        below = name
    nodes.append(_node("aspp0/Conv2D", "Conv2D", inputs=[below]))
    options = {"align_corners": field(5, int(align_corners is True))}
    options["half_pixel_centers"] = field(5, int(align_corners is False))
    nodes.append(_node("ResizeBilinear", "ResizeBilinear", **options))
    path.write_bytes(b"".join(field(1, node) for node in nodes))
    return path


def _node(name: str, kind: str, *, inputs: list[str] = [], **settings: bytes) -> bytes:  # noqa: B006
    return (
        field(1, name.encode())
        + field(2, kind.encode())
        + b"".join(field(3, name.encode()) for name in inputs)
        + b"".join(field(5, field(1, k.encode()) + field(2, v)) for k, v in settings.items())
    )


def tensor_proto(values: np.ndarray, *, listed: bool = False) -> bytes:
    """TensorFlow's message of a tensor, float32 or float16."""
    header = field(1, {"float32": 1, "float16": 19, "int64": 9}[values.dtype.name])
    header += field(2, b"".join(field(2, field(1, side)) for side in values.shape))
    if not listed:
        return header + field(4, values.tobytes())
    flat = values.ravel()
    changes = np.flatnonzero(flat != flat[-1])
    kept = flat[: changes[-1] + 2 if changes.size else 1]
    if values.dtype == np.float32:
        return header + field(5, kept.tobytes())
    return header + b"".join(field(13, int(bits)) for bits in kept.view(np.uint16))


def write_v1_checkpoint(path: Path, arrays: Arrays) -> Path:
    """A Saver V1 checkpoint: one table, of which the first row says what the others hold."""
    path.write_bytes(write_table(v1_rows(arrays)))
    return path


def v1_rows(arrays: Arrays) -> Mapping[bytes, bytes]:
    """Keys and values of the table of `write_v1_checkpoint`."""
    about, rows = b"", {}
    for name, values in arrays.items():
        numbers = {"float32": (1, 5, values.tobytes()), "int64": (9, 10, b"")}
        dtype, place, packed = numbers[values.dtype.name]
        sides = b"".join(field(2, field(1, side)) for side in values.shape)
        about += field(1, field(1, name.encode()) + field(2, sides) + field(3, dtype))
        data = field(place, packed) if packed else b"".join(field(10, int(v)) for v in values.flat)
        slices = field(1, name.encode()) + field(3, data)
        rows[b"\0" + name.encode()] = field(2, slices)
    return {b"": field(1, about)} | rows
