"""ONNX Runtime, the engine of the runtime install."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnxruntime

from atrous.errors import ResourceError, WeightsError
from atrous.runtime.card import CARD_KEY, read_card
from atrous.runtime.engine import CONTEXT, GIVEN_CONTEXT, Tensor4
from atrous.runtime.machine import usable_cores
from atrous.runtime.onnx_file import Value, check_file, check_signature, first_line

_NOTHING: Mapping[str, Tensor4] = {}


class OnnxEngine:
    """A network in an ONNX file that atrous exported.

    Args:
        path: The file; it must hold its weights itself and describe itself.
        threads: Threads to use; 0 for one for each core that this process may use.

    Raises:
        WeightsError: If the file is missing, damaged, not ONNX, or not one of ours.
    """

    name = "onnxruntime"

    def __init__(self, path: Path, *, threads: int = 0) -> None:
        self._path = path
        self.threads = threads or usable_cores()
        self._session = _open_session(path, self.threads)
        try:
            metadata = self._session.get_modelmeta().custom_metadata_map
            self.card = read_card(metadata.get(CARD_KEY), where=str(path))
            inputs, outputs = (
                [_value(one) for one in some]
                for some in (self._session.get_inputs(), self._session.get_outputs())
            )
            check_signature(path, self.card, inputs, outputs)
            given = self._session.get_overridable_initializers()
            self.takes_context = GIVEN_CONTEXT in {value.name for value in given}
        except UnicodeDecodeError:
            raise WeightsError(f"{path}: damaged; a name in it is not text") from None

    def run(self, images: Tensor4) -> Tensor4:
        """Normalized images (B, C, H, W) -> logits (B, num_classes, h, w)."""
        return self._run("logits", images)

    def context_of(self, images: Tensor4) -> Tensor4:
        """Normalized images (B, C, H, W) -> the means that image pooling takes of them."""
        return self._run(CONTEXT, images)

    def run_in_context(self, images: Tensor4, context: Tensor4) -> Tensor4:
        """As `run`, with the means of a larger picture, (1, K, 1, 1)."""
        return self._run("logits", images, {GIVEN_CONTEXT: context})

    def _run(self, wanted: str, images: Tensor4, more: Mapping[str, Tensor4] = _NOTHING) -> Tensor4:
        try:
            (found,) = self._session.run([wanted], {"images": images, **more})
        # ONNX Runtime raises types of its own for each failure, all below Exception.
        except Exception as error:
            height, width = images.shape[-2:]
            raise ResourceError(
                f"{self._path}: the network could not run on {width} x {height} pixels: "
                f"{first_line(error)}"
            ) from None
        return found


def _open_session(path: Path, threads: int) -> Any:
    check_file(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    # A plan of memory for each size of picture takes more memory and time than it saves.
    options.enable_mem_pattern = False
    # A thread that spins while it waits takes the core from decoding the next picture.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise WeightsError(
            f"{path}: not a model that ONNX Runtime can open ({first_line(error)})"
        ) from None


def _value(found: Any) -> Value:
    kind = "float" if found.type == "tensor(float)" else found.type
    return Value(found.name, kind, tuple(found.shape))
