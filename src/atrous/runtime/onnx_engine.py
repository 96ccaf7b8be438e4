"""ONNX Runtime, the engine of the runtime install."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnxruntime

from atrous.errors import ResourceError, WeightsError
from atrous.runtime.card import CARD_KEY, ModelCard, read_card
from atrous.runtime.engine import CONTEXT, GIVEN_CONTEXT, Tensor4

_MAX_BYTES = 2 << 30


class OnnxEngine:
    """A network in an ONNX file that atrous exported.

    Args:
        path: The file; it must hold its weights itself and describe itself.
        threads: Threads to use; 0 for one for each core.

    Raises:
        WeightsError: If the file is missing, damaged, not ONNX, or not one of ours.
    """

    name = "onnxruntime"

    def __init__(self, path: Path, *, threads: int = 0) -> None:
        self._path = path
        self._session = _open_session(path, threads)
        try:
            metadata = self._session.get_modelmeta().custom_metadata_map
            self.card = read_card(metadata.get(CARD_KEY), where=str(path))
            _check_signature(self._session, self.card, path)
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

    def _run(self, wanted: str, images: Tensor4, more: Mapping[str, Tensor4] = {}) -> Tensor4:
        try:
            (found,) = self._session.run([wanted], {"images": images, **more})
        # ONNX Runtime raises types of its own for each failure, all below Exception.
        except Exception as error:
            height, width = images.shape[-2:]
            raise ResourceError(
                f"{self._path}: the network could not run on {width} x {height} pixels: "
                f"{_first_line(error)}"
            ) from None
        return found


def _open_session(path: Path, threads: int) -> Any:
    if not path.is_file():
        raise WeightsError(f"{path}: no such model file")
    size = path.stat().st_size
    if size == 0:
        raise WeightsError(f"{path}: the model file is empty")
    if size > _MAX_BYTES:
        raise WeightsError(f"{path}: {size / 2**30:.1f} GiB, more than an ONNX file can hold")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    # A thread that spins while it waits takes the core from decoding the next picture.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise WeightsError(
            f"{path}: not a model that ONNX Runtime can open ({_first_line(error)})"
        ) from None


def _check_signature(session: Any, card: ModelCard, path: Path) -> None:
    inputs, outputs = session.get_inputs(), session.get_outputs()
    channels = card.preprocessing.kind.channels
    fits = (
        [value.name for value in inputs] == ["images"]
        and [value.name for value in outputs] in (["logits"], ["logits", CONTEXT])
        and inputs[0].type == outputs[0].type == "tensor(float)"
        and len(inputs[0].shape) == len(outputs[0].shape) == 4
        and inputs[0].shape[1] == channels
        and outputs[0].shape[1] == len(card.classes)
    )
    if not fits:
        found = [(value.name, value.type, value.shape) for value in (*inputs, *outputs)]
        raise WeightsError(
            f"{path}: expected one float input 'images' (B, {channels}, H, W) and one float output "
            f"'logits' (B, {len(card.classes)}, h, w); found {found}"
        )


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n", maxsplit=1)[0][:300]
