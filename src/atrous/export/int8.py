"""Networks in 8 bits, with the layers left in 32 that do not bear it.

ONNX Runtime measures the range of every value on calibration pictures and puts a pair of roundings
before each layer: QuantizeLinear and DequantizeLinear. To leave a layer in 32 bits, its inputs are
taken from in front of the pair, so that one calibration serves all attempts.
"""

import logging
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from atrous.errors import DependencyError, ExportError

_QUANTIZED = "_quantized"
"""What ONNX Runtime writes behind the name of a weight."""


@dataclass
class Int8:
    """Turns an ONNX graph of 32 bits into one of 8; afterwards says what it left as it was.

    Args:
        pictures: Normalized images (1, C, H, W) to measure ranges on; layers are ranked by what
            their rounding alone does to the logits of the first.
        good_enough: Whether a graph will do.
    """

    pictures: Sequence[NDArray[np.float32]]
    good_enough: Callable[[bytes], bool]
    float_layers: tuple[str, ...] = field(default=(), init=False)
    """Layers in 32 bits by the name of their weights or of their node, the last one included."""
    layers: int = field(default=0, init=False)
    """All that could be in 8 bits."""

    def __call__(self, content: bytes) -> bytes:
        """Quantize the graph; leave as few layers in 32 bits as are needed.

        Raises:
            ExportError: If 8 bits are not good enough for any layer.
            DependencyError: If the package onnx is not installed.
        """
        plain = _parse(content)
        del plain.graph.output[1:]
        rounded = _quantize(plain, self.pictures)
        names = {node.name: _layer_name(node, plain) for node in _layers(rounded)}
        self.layers = len(names)
        last = _made_by(plain, plain.graph.output[0].name)
        self.float_layers = (_layer_name(last, plain),)
        if self.good_enough(_bytes(rounded)):
            return _bytes(rounded)
        ranked = self._rank(rounded, plain, list(names))
        count = self._fewest(rounded, plain, ranked)
        if count == len(ranked):
            raise ExportError(
                "8 bits are too few for every layer of this network; leave out --int8, or allow "
                "more by --min-equal and --max-drop"
            )
        self.float_layers += tuple(names[name] for name in ranked[:count])
        return _bytes(_restored(rounded, plain, ranked[:count]))

    def _rank(self, rounded: Any, plain: Any, names: list[str]) -> list[str]:
        """Layers by the mean square of what each changes in the logits, the worst first."""
        expected = _logits(_bytes(plain), self.pictures[0])
        errors = {}
        for name in names:
            others = [other for other in names if other != name]
            found = _logits(_bytes(_restored(rounded, plain, others)), self.pictures[0])
            errors[name] = float(np.square(found - expected).mean())
        return sorted(names, key=lambda name: -errors[name])

    def _fewest(self, rounded: Any, plain: Any, ranked: list[str]) -> int:
        """By halves: how many of the worst have to be left in 32 bits."""
        low, high = 1, len(ranked)
        while low < high:
            middle = (low + high) // 2
            if self.good_enough(_bytes(_restored(rounded, plain, ranked[:middle]))):
                high = middle
            else:
                low = middle + 1
        return low


def _quantize(plain: Any, pictures: Sequence[NDArray[np.float32]]) -> Any:
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static  # noqa: PLC0415

    last = _made_by(plain, plain.graph.output[0].name)
    with tempfile.TemporaryDirectory() as folder, _quiet_logs():
        place = Path(folder) / "int8.onnx"
        quantize_static(
            _parse(plain.SerializeToString()),  # it is changed on the way
            place,
            _reader(pictures),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            # Products of 8 and 7 bits do not overflow the 16-bit sums of processors without VNNI.
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            # Of rounded logits many tie, and the first class wins.
            nodes_to_exclude=[last.name],
        )
        rounded = _restored(_parse(place.read_bytes()), plain, [last.name])
    del rounded.metadata_props[:]
    rounded.metadata_props.extend(plain.metadata_props)
    rounded.producer_name = plain.producer_name
    return rounded


def _reader(pictures: Sequence[NDArray[np.float32]]) -> Any:
    from onnxruntime.quantization import CalibrationDataReader  # noqa: PLC0415

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """Hands out the pictures one by one."""

        def __init__(self, items: Iterable[NDArray[np.float32]]) -> None:
            self._items = iter(items)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            """The next picture; None behind the last."""
            images = next(self._items, None)
            return None if images is None else {"images": images}

    return Reader(pictures)


def _layers(rounded: Any) -> list[Any]:
    """Nodes that read rounded values."""
    pairs = {out for node in rounded.graph.node if _dequantizes(node) for out in node.output}
    return [
        node
        for node in rounded.graph.node
        if node.op_type not in {"QuantizeLinear", "DequantizeLinear", "Shape"}
        and pairs.intersection(node.input)
    ]


def _dequantizes(node: Any) -> bool:
    return bool(node.op_type == "DequantizeLinear")


def _made_by(proto: Any, name: str) -> Any:
    return next(node for node in proto.graph.node if name in node.output)


def _layer_name(node: Any, plain: Any) -> str:
    """The name of its weights, without what all have; of a layer without weights its own."""
    weights = {item.name for item in plain.graph.initializer}
    names = [name.removesuffix("_DequantizeLinear_Output") for name in node.input]
    found = next((name for name in names if name in weights and name.endswith(".weight")), None)
    return found.removesuffix(".weight").removesuffix(".conv") if found else node.name


def _restored(rounded: Any, plain: Any, names: Sequence[str]) -> Any:
    """A copy in which these nodes read values and weights that are not rounded."""
    copied = type(rounded)()
    copied.CopyFrom(rounded)
    source = _Source(copied.graph, plain.graph)
    nodes, wanted = [], set(names)
    for node in copied.graph.node:
        if node.name in wanted:
            for index, name in enumerate(node.input):
                node.input[index] = source.of(name)
            nodes.extend(source.take_new_nodes())
        nodes.append(node)
    kept = [type(node).FromString(node.SerializeToString()) for node in nodes]
    del copied.graph.node[:]
    copied.graph.node.extend(kept)
    return copied


class _Source:
    """Where values are before they are rounded.

    Args:
        graph: With roundings; weights of 32 bits are added to it as they are asked for.
        plain: The same graph without.
    """

    def __init__(self, graph: Any, plain: Any) -> None:
        self._graph = graph
        self._makers = {out: node for node in graph.node for out in node.output}
        self._plain_makers = {out: node for node in plain.node for out in node.output}
        self._weights = {item.name: item for item in plain.initializer}
        self._there = {item.name for item in graph.initializer}
        self._active: set[str] = set()
        self._new: list[Any] = []

    def of(self, name: str) -> str:
        """The name of the value that this one was rounded from."""
        source = _unrounded(name, self._makers)
        if source == name:
            return name
        self._add_weight(source)
        activation = self._plain_makers.get(source)
        maker = self._makers.get(source)
        if activation is None or maker is None or maker.op_type == activation.op_type:
            return source
        return self._activated(source, activation)

    def take_new_nodes(self) -> list[Any]:
        """Nodes that have to stand in front of the one that was asked for last."""
        new, self._new = self._new, []
        return new

    def _activated(self, source: str, activation: Any) -> str:
        """ONNX Runtime drops a ReLU where rounding cuts off the same; without it, it is needed."""
        name = f"{source}/active"
        if name not in self._active:
            node = type(activation)()
            node.CopyFrom(activation)
            node.input[0], node.output[0] = source, name
            node.name = f"{activation.name}/active"
            for bound in node.input[1:]:
                self._add_weight(bound)
            self._active.add(name)
            self._new.append(node)
        return name

    def _add_weight(self, name: str) -> None:
        if name in self._weights and name not in self._there:
            self._graph.initializer.append(self._weights[name])
            self._there.add(name)


def _unrounded(name: str, makers: dict[str, Any]) -> str:
    dequantize = makers.get(name)
    if dequantize is None or not _dequantizes(dequantize):
        return name
    quantize = makers.get(dequantize.input[0])
    if quantize is None:
        return str(dequantize.input[0]).removesuffix(_QUANTIZED)
    return str(quantize.input[0])


def _logits(content: bytes, images: NDArray[np.float32]) -> NDArray[np.float32]:
    return run_bytes(content)(images)


def run_bytes(content: bytes) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Open a graph in memory in ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        content, sess_options=options, providers=["CPUExecutionProvider"]
    )
    return lambda images: np.asarray(session.run(["logits"], {"images": images})[0])


def _parse(content: bytes) -> Any:
    try:
        import onnx  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise DependencyError(f"export needs {error.name}; pip install 'atrous[export]'") from None
    return onnx.load_from_string(content)


def _bytes(proto: Any) -> bytes:
    return bytes(_pruned(proto).SerializeToString())


def _pruned(proto: Any) -> Any:
    """The same graph without what nobody reads any more."""
    graph = proto.graph
    used = {value.name for value in graph.output}
    kept = []
    for node in reversed(graph.node):
        if used.intersection(node.output):
            used.update(node.input)
            kept.append(node)
    nodes = kept[::-1]
    if len(nodes) == len(graph.node):
        return proto
    copied = type(proto)()
    copied.CopyFrom(proto)
    del copied.graph.node[:], copied.graph.initializer[:]
    copied.graph.node.extend(nodes)
    copied.graph.initializer.extend(item for item in graph.initializer if item.name in used)
    return copied


class _quiet_logs:  # noqa: N801
    def __enter__(self) -> None:
        logging.disable(logging.WARNING)

    def __exit__(self, *_error: object) -> None:
        logging.disable(logging.NOTSET)
