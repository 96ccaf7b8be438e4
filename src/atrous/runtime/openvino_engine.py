"""OpenVINO as an engine, on the ONNX files that ONNX Runtime reads too."""

from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import numpy as np

from atrous.errors import ConfigError, DependencyError, ResourceError, WeightsError
from atrous.runtime.card import CARD_KEY, ModelCard, read_card
from atrous.runtime.engine import GIVEN_CONTEXT, Precision, Tensor4
from atrous.runtime.machine import usable_cores
from atrous.runtime.onnx_file import Value, check_file, check_signature

_HINTS: dict[Precision, str] = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}

_UNTOUCHED = np.float32(-3.0e38)
"""A logit that no network gives."""

_LOGITS, _CONTEXT = 0, 1
"""Places of the outputs of a network."""


class OpenVinoEngine:
    """A network in an ONNX file that atrous exported, run by OpenVINO on the CPU.

    Left to itself OpenVINO computes in bfloat16 wherever the processor can, and labels change; here
    it computes in 32 bits unless it is told otherwise.

    Args:
        path: The file; it must hold its weights itself and describe itself.
        threads: Threads to use; 0 for one for each core that this process may use.
        precision: In what the network is computed; pictures and logits are float32 always.

    Raises:
        WeightsError: If the file is missing, damaged, not ONNX, or not one of ours.
        ConfigError: If this processor cannot compute in ``precision``.
        DependencyError: If OpenVINO is not installed.
    """

    def __init__(self, path: Path, *, threads: int = 0, precision: Precision = "fp32") -> None:
        self._path = path
        self.name = "openvino" if precision == "fp32" else f"openvino, {precision}"
        self.threads = threads or usable_cores()
        network = _read(path)
        self.card = _card_of(network, path)
        check_signature(path, self.card, _values(network.inputs), _values(network.outputs))
        own = _open_context(network)
        self.takes_context = own is not None
        self._own_context = {} if own is None else {1: own}
        self._open = partial(_requests, network, path, self.threads, precision)
        self._requests: _Requests | None = self._open()

    def run(self, images: Tensor4) -> Tensor4:
        """Normalized images (B, C, H, W) -> logits (B, num_classes, h, w)."""
        return self._run(_LOGITS, {0: images, **self._own_context})

    def context_of(self, images: Tensor4) -> Tensor4:
        """Normalized images (B, C, H, W) -> the means that image pooling takes of them."""
        return self._run(_CONTEXT, {0: images, **self._own_context})

    def run_in_context(self, images: Tensor4, context: Tensor4) -> Tensor4:
        """As `run`, with the means of a larger picture, (1, K, 1, 1)."""
        return self._run(_LOGITS, {0: images, 1: context})

    def _run(self, wanted: int, fed: dict[int, Tensor4]) -> Tensor4:
        requests = self._requests or self._open()
        try:
            request = requests.take()
            found = _infer(request, wanted, fed)
        # OpenVINO raises RuntimeError for all that its plugins find, memory among it.
        except (RuntimeError, MemoryError) as error:
            # What ran out of memory once may give nothing from then on.
            self._requests = None
            height, width = fed[0].shape[-2:]
            raise ResourceError(
                f"{self._path}: the network could not run on {width} x {height} pixels: "
                f"{_last_line(error)}"
            ) from None
        requests.give_back(request)
        self._requests = requests
        return found


class _Requests:
    """What runs a compiled network: one picture at a time each, as many as threads that come."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._idle: SimpleQueue[Any] = SimpleQueue()

    def take(self) -> Any:
        try:
            return self._idle.get_nowait()
        except Empty:
            return self._compiled.create_infer_request()

    def give_back(self, request: Any) -> None:
        self._idle.put(request)


def _requests(network: Any, path: Path, threads: int, precision: Precision) -> _Requests:
    return _Requests(_compile(network, path, threads, precision))


def _infer(request: Any, wanted: int, fed: dict[int, Tensor4]) -> Tensor4:
    """Run one request, and make sure that it ran.

    Where memory is short OpenVINO 2026.4 leaves what the last picture gave, and raises nothing.
    """
    before = request.get_output_tensor(wanted).data
    before[:1, :1, :1, :1] = _UNTOUCHED
    results = request.infer(fed, share_inputs=True, share_outputs=False)
    found: Tensor4 = results[wanted]
    if not found.size or found[0, 0, 0, 0] == _UNTOUCHED:
        raise MemoryError("OpenVINO gave no result, as it does where memory is short")
    return found


def _read(path: Path) -> Any:
    check_file(path)
    try:
        from openvino.frontend import FrontEndManager  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise DependencyError(
            "the engine openvino needs openvino; pip install 'atrous[openvino]'"
        ) from None
    # The reader of ONNX alone: asked for a model of any kind, OpenVINO tries every parser it has.
    reader = FrontEndManager().load_by_framework("onnx")
    try:
        network = reader.convert(reader.load(str(path)))
    except Exception as error:
        raise WeightsError(
            f"{path}: not a model that OpenVINO can open ({_last_line(error)})"
        ) from None
    if not network.inputs:  # so it reads what is no model at all
        raise WeightsError(f"{path}: not a model that OpenVINO can open (it has no input)")
    return network


def _open_context(network: Any) -> Tensor4 | None:
    """Make the context an input, and say what to feed for a picture's own.

    An input of an ONNX file that has a value of its own is a constant to OpenVINO.
    """
    from openvino import opset13  # noqa: PLC0415 - an extra

    constants = (op for op in network.get_ops() if op.get_friendly_name() == GIVEN_CONTEXT)
    constant = next(constants, None)
    if constant is None:
        return None
    own = np.array(constant.data, np.float32)
    parameter: Any = opset13.parameter  # has no annotations
    given = parameter(own.shape, np.float32, name=GIVEN_CONTEXT)
    for reader in constant.output(0).get_target_inputs():
        reader.replace_source_output(given.output(0))
    network.add_parameters([given])
    network.validate_nodes_and_infer_types()
    return own


def _card_of(network: Any, path: Path) -> ModelCard:
    # OpenVINO keeps the metadata of an ONNX file here.
    place = ["framework", CARD_KEY]
    text = network.get_rt_info(place).value if network.has_rt_info(place) else None
    return read_card(text, where=str(path))


def _compile(network: Any, path: Path, threads: int, precision: Precision) -> Any:
    from openvino import Core  # noqa: PLC0415 - an extra

    settings = {
        "INFERENCE_PRECISION_HINT": _HINTS[precision],
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    try:
        compiled = Core().compile_model(network, "CPU", settings)
    except Exception as error:
        raise WeightsError(f"{path}: OpenVINO cannot run it ({_last_line(error)})") from None
    taken = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
    if taken != _HINTS[precision]:
        raise ConfigError(
            f"OpenVINO would compute in {taken} on this processor when asked for {precision}; "
            "take --precision fp32"
        )
    return compiled


def _values(ports: Any) -> list[Value]:
    return [
        Value(
            port.get_any_name(),
            "float" if port.get_element_type().to_string() == "f32" else str(port.element_type),
            tuple(
                None if side.is_dynamic else side.get_length() for side in port.get_partial_shape()
            ),
        )
        for port in ports
    ]


def _last_line(error: Exception) -> str:
    """What OpenVINO found; the places in its own source come before it."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
