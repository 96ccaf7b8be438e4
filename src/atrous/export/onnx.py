"""ONNX: the file that the runtime install reads."""

import contextlib
import copy
import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from atrous.errors import DependencyError, ExportError, ResourceError
from atrous.export.context import add_context
from atrous.imaging import write_file
from atrous.layers.conv import ConvNormAct
from atrous.layers.pool import MaxPool
from atrous.models.segmenter import Segmenter
from atrous.models.torch_engine import TorchEngine
from atrous.runtime.card import CARD_KEY, ModelCard
from atrous.runtime.onnx_engine import OnnxEngine
from atrous.weights.from_onnx import load_onnx_model

OPSET = 18
_TOLERANCE = 1e-3
"""In standard deviations of the logits; rounding in 32 bits stays a hundred times below."""
_HALF_FROM = 64
"""Initializers with fewer values are stored as they are."""


@dataclass(frozen=True)
class Agreement:
    """How an exported file compares with the model it came from, over all pictures tried."""

    logits_difference: float
    """Largest difference against torch with the weights that the file holds."""
    equal_labels: float
    """Share of pixels, at the decoder's stride, whose class the original model gives too."""
    logits_spread: float
    """Standard deviation of torch's logits, the largest over the pictures."""


class _LogitsAtStride(nn.Module):
    """The part of a segmenter that goes into the file."""

    def __init__(self, model: Segmenter) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """Normalized (B, C, H, W) -> logits (B, C, h, w)."""
        return self.model.logits_at_stride(images)


def export_onnx(
    model: Segmenter,
    card: ModelCard,
    path: Path,
    *,
    examples: Sequence[NDArray[np.float32]] = (),
    half: bool = False,
    overwrite: bool = False,
) -> Agreement:
    """Write a model as a self-describing ONNX file, after holding it against the model.

    The graph takes normalized images of any size and gives logits at the decoder's stride;
    picture and labels are the runtime's business. Norms are folded into convolutions. Image
    pooling may be given the means of a larger picture, see `atrous.export.context`.

    Args:
        model: The network.
        card: Goes into the file's metadata.
        path: Where to write; nothing is left there if the check fails.
        examples: Normalized images (B, C, H, W) for the check; drawn if there are none.
        half: Store weights as 16-bit floats; the network computes in 32 bits all the same.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        ExportError: If the file's logits differ from torch's by more than a thousandth of their
            standard deviation.
        ResourceError: If the file is there and ``overwrite`` is false, or cannot be written.
        DependencyError: If the extra ``export`` is not installed.
    """
    if path.exists() and not overwrite:
        raise ResourceError(f"{path}: is there already; give another place or --overwrite")
    content = _to_bytes(model.eval(), card, half=half)
    # Checked beside its final place, so that no unchecked file ever has its name.
    candidate = path.with_name(f".{path.stem}-unchecked.onnx")
    write_file(candidate, lambda file: file.write(content), overwrite=True)
    try:
        agreement = _hold_against(
            model, candidate, examples or [_drawn_images(model_channels(model))]
        )
        if not agreement.logits_difference <= _TOLERANCE * max(agreement.logits_spread, 1e-3):
            raise ExportError(
                f"logits of the exported file differ from torch's by up to "
                f"{agreement.logits_difference:.2g}, more than a thousandth of their standard "
                f"deviation {agreement.logits_spread:.2g}; nothing was written to {path}"
            )
        write_file(path, lambda file: file.write(content), overwrite=overwrite)
    finally:
        candidate.unlink(missing_ok=True)
    return agreement


def _to_bytes(model: Segmenter, card: ModelCard, *, half: bool) -> bytes:
    try:
        import onnx  # noqa: PLC0415
        import onnxscript  # noqa: F401, PLC0415
    except ModuleNotFoundError as error:
        raise DependencyError(f"export needs {error.name}; pip install 'atrous[export]'") from None
    twin, same_padded, same_pools = _symmetric_twin(model)
    # No side of the example divides another, so that no size is taken for a constant.
    example = torch.zeros(2, model_channels(model), 161, 195)
    dynamic = torch.export.Dim.DYNAMIC
    with _quiet():
        program = torch.onnx.export(
            _LogitsAtStride(twin).eval(),
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["images"],
            output_names=["logits"],
            dynamic_shapes={"images": {0: dynamic, 2: dynamic, 3: dynamic}},
            optimize=True,
            verbose=False,
        )
    if program is None:
        raise ExportError("torch gave no ONNX program for this model")
    proto = program.model_proto
    _tidy(proto, card, half=half)
    _pad_same(proto.graph, same_padded, same_pools)
    add_context(proto.graph)
    onnx.checker.check_model(proto)
    return bytes(proto.SerializeToString())


def model_channels(model: Segmenter) -> int:
    """Channels of the images that a model reads."""
    first = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
    return first.in_channels


def _symmetric_twin(model: Segmenter) -> tuple[Segmenter, set[str], bool]:
    """A copy on the CPU without TensorFlow's padding, and what was padded so.

    That is the names of the convolutions' weights, and whether the striding max pools were.

    How much that rule pads depends on whether a side is even, which a traced graph of any size can
    only say with arithmetic on shapes. ONNX has an attribute for it, set by `_pad_same`.
    """
    twin = copy.deepcopy(model).cpu()
    padded, pools = set(), False
    for name, module in twin.named_modules():
        if isinstance(module, ConvNormAct) and module.pads_itself:
            module.pads_itself = False
            rate, kernel = module.conv.dilation[0], module.conv.kernel_size[0]
            module.conv.padding = (rate * (kernel // 2),) * 2
            padded.add(f"{name}.conv.weight")
        elif isinstance(module, MaxPool) and module.same and module.stride > 1:
            module.pads_itself = False
            module.pool.padding = 1
            pools = True
    return twin, padded, pools


def _pad_same(graph: Any, weights: set[str], pools: bool) -> None:
    """Let the convolutions with these weights, and striding max pools, pad as TensorFlow does."""
    from onnx import helper  # noqa: PLC0415

    for node in graph.node:
        convolves = node.op_type == "Conv" and node.input[1] in weights
        attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
        # A 1x1 window takes every stride-th pixel and needs no padding.
        is_pool = node.op_type == "MaxPool" and attributes["kernel_shape"] == [3, 3]
        if convolves or (pools and is_pool and attributes["strides"] != [1, 1]):
            kept = [item for item in node.attribute if item.name not in {"pads", "auto_pad"}]
            del node.attribute[:]
            node.attribute.extend([*kept, helper.make_attribute("auto_pad", "SAME_UPPER")])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's notes on packages that are not needed away from the user."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(logging.NOTSET)


def _tidy(proto: Any, card: ModelCard, *, half: bool) -> None:
    """Name tensors as the model does, drop the exporter's traces, and add the card."""
    _rename_tensors(proto.graph)
    graph = proto.graph
    del graph.value_info[:]
    for item in (*graph.node, *graph.input, *graph.output, *graph.initializer):
        # Holds stack traces with the paths of the machine that exported.
        del item.metadata_props[:]
        item.doc_string = ""
    del graph.metadata_props[:]
    graph.name = card.name
    for value, names in (
        (graph.input[0], ("batch", None, "height", "width")),
        (graph.output[0], ("batch", None, "rows", "columns")),
    ):
        for dim, name in zip(value.type.tensor_type.shape.dim, names, strict=True):
            if name:
                dim.dim_param = name
    if half:
        _store_half(graph)
    del proto.metadata_props[:]
    entry = proto.metadata_props.add()
    entry.key, entry.value = CARD_KEY, card.to_json()
    proto.producer_name = "atrous"


def _rename_tensors(graph: Any) -> None:
    from onnx import numpy_helper  # noqa: PLC0415

    channels = {item.name: item.dims[0] for item in graph.initializer if item.dims}
    stored = {item.name: item for item in graph.initializer}
    taken: set[str] = set()
    names = {item.name: item.name.removeprefix("model.") for item in graph.initializer}
    for node in graph.node:
        if node.op_type != "Conv":
            continue
        weight = names[node.input[1]]
        # The bias of a convolution in front of a norm is what the folding left of the norm.
        folded = weight.endswith(".conv.weight")
        bias = weight.replace(".conv.weight" if folded else ".weight", "") + (
            ".norm.bias" if folded else ".bias"
        )
        if len(node.input) == 3 and node.input[2] not in taken:
            taken.add(node.input[2])
            names[node.input[2]] = bias
        elif len(node.input) == 3:
            # The exporter lets layers of equal values share them; each needs its own to train on.
            copied = graph.initializer.add()
            copied.CopyFrom(stored[node.input[2]])
            copied.name = names[bias] = bias
            node.input[2] = bias
        else:
            # The exporter leaves out a bias of zeros; the way back to torch wants every tensor.
            zeros = np.zeros(channels[node.input[1]], np.float32)
            graph.initializer.append(numpy_helper.from_array(zeros, bias))
            names[bias] = bias
            node.input.append(bias)
    for item in graph.initializer:
        item.name = names[item.name]
    for node in graph.node:
        for index, name in enumerate(node.input):
            node.input[index] = names.get(name, name)


def _store_half(graph: Any) -> None:
    """Store large float initializers in 16 bits, each with a cast back to 32 in front."""
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415

    casts = []
    for item in graph.initializer:
        values = numpy_helper.to_array(item)
        if values.dtype != np.float32 or values.size < _HALF_FROM:
            continue
        halved = values.astype(np.float16)
        if not np.isfinite(halved).all():
            raise ExportError(f"{item.name} holds values too large for 16-bit floats")
        name = item.name
        item.CopyFrom(numpy_helper.from_array(halved, f"{name}/half"))
        casts.append(helper.make_node("Cast", [item.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _hold_against(
    model: Segmenter, path: Path, examples: Sequence[NDArray[np.float32]]
) -> Agreement:
    exported, original = OnnxEngine(path), TorchEngine(model, device=torch.device("cpu"))
    same_weights = TorchEngine(load_onnx_model(path)[0], device=torch.device("cpu"))
    difference, spread, equal, pixels = 0.0, 0.0, 0, 0
    for images in examples:
        logits = exported.run(images)
        expected = same_weights.run(images)
        difference = max(difference, float(np.abs(logits - expected).max()))
        spread = max(spread, float(expected.std()))
        same = logits.argmax(axis=1) == original.run(images).argmax(axis=1)
        equal, pixels = equal + int(same.sum()), pixels + same.size
    return Agreement(difference, equal / pixels, spread)


def _drawn_images(channels: int) -> NDArray[np.float32]:
    rows, columns = np.mgrid[0:193, 0:257].astype(np.float32)
    waves = [np.sin(rows / (7 + 5 * c) + columns / (11 - 2 * (c % 3))) for c in range(channels)]
    noise = np.random.default_rng(0).normal(0, 0.2, (1, channels, 193, 257))
    return (np.stack(waves)[None] + noise).astype(np.float32)
