"""ONNX: the file that the runtime install reads."""

import contextlib
import copy
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from atrous.errors import DependencyError, ExportError
from atrous.export.agree import EXACT, Agreement, Limits, compare
from atrous.export.context import add_context
from atrous.export.graph import Files, Graph, Request, Run, as_input, draw_pixels
from atrous.export.keep import check_places, keep_if_agreed
from atrous.export.processing import add_processing, fix_size
from atrous.layers.conv import ConvNormAct
from atrous.layers.pool import MaxPool
from atrous.models.segmenter import Segmenter
from atrous.runtime.card import CARD_KEY, ModelCard
from atrous.weights.from_onnx import load_onnx_model

OPSET = 18
_HALF_FROM = 64
"""Initializers with fewer values are stored as they are."""


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
    check_places(path, (".onnx",), overwrite=overwrite)
    request = Request(half=half)
    inputs = list(examples) or [as_input(draw_pixels(card, (193, 257)), card, request)]
    original = Graph(model, card, processing=False)
    return keep_if_agreed(
        path,
        to_onnx(model, card, request),
        lambda place: compare(
            run_onnx(place), original.run, inputs, same_weights=weights_of(place, card).run
        ),
        Limits(logits=EXACT.logits, equal_labels=0),
        overwrite=overwrite,
    )


def to_onnx(model: Segmenter, card: ModelCard, request: Request) -> Files:
    """The network as an ONNX file; the one of ours that is as it is can be given a context."""
    changed = request.to_int8 or request.processing or request.size
    return {".onnx": graph_bytes(model, card, request, context=not changed)}


def graph_bytes(
    model: Segmenter, card: ModelCard, request: Request, *, context: bool = False
) -> bytes:
    """The network as an ONNX graph that holds what is asked for.

    Args:
        model: The network.
        card: Goes into the metadata.
        request: What is asked for.
        context: Whether image pooling may be given its means, see `atrous.export.context`.
    """
    content = _to_bytes(model.eval(), card, half=request.half, context=context)
    if request.to_int8:
        content = request.to_int8(content)
    if request.processing or request.size:
        content = _around(content, model, card, request)
    return content


def _around(content: bytes, model: Segmenter, card: ModelCard, request: Request) -> bytes:
    import onnx  # noqa: PLC0415

    proto = onnx.load_from_string(content)
    if request.processing:
        add_processing(proto.graph, card)
    if request.size:
        fix_size(proto.graph, request.size, _grid(model, request.size))
    onnx.checker.check_model(proto)
    return bytes(proto.SerializeToString())


@torch.inference_mode()
def _grid(model: Segmenter, size: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the logits of a picture."""
    device = next(model.parameters()).device
    picture = torch.zeros(1, model_channels(model), *size, device=device)
    rows, columns = model.logits_at_stride(picture).shape[-2:]
    return rows, columns


def weights_of(path: Path, card: ModelCard) -> Graph:
    """A torch model with the weights that a file holds, on the way back that is open to all."""
    return Graph(load_onnx_model(path)[0], card, processing=False)


def run_onnx(path: Path) -> Run:
    """Open a file in ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(
        str(path), sess_options=options, providers=["CPUExecutionProvider"]
    )
    takes, gives = session.get_inputs()[0].name, session.get_outputs()[0].name

    def run(images: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(session.run([gives], {takes: images})[0])

    return run


def _to_bytes(model: Segmenter, card: ModelCard, *, half: bool, context: bool = False) -> bytes:
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
    if context:
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
