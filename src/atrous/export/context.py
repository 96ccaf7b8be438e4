"""A way into an ONNX graph for the means of a picture that is larger than what the graph sees."""

from typing import Any

import numpy as np

from atrous.runtime.engine import CONTEXT, GIVEN_CONTEXT

_READERS = ("decoder.context.image_pool.conv.weight", "decoder.weigh.weight")
"""Weights of the convolutions that read the means: of ASPP, and of the light head."""


def add_context(graph: Any) -> bool:
    """Let a graph give the means of image pooling, and take others in their place.

    The input has a value of its own, NaN, which stands for the means of what the graph sees. So
    a graph that is fed images alone computes what it did before, and engines that take such an
    input for a constant fold everything that is added here away.

    Args:
        graph: Of a file of ours, changed in place.

    Returns:
        Whether there is image pooling over all that is seen; else nothing is changed.
    """
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415

    place, reader = next(
        (
            (index, node)
            for index, node in enumerate(graph.node)
            if node.op_type == "Conv" and node.input[1] in _READERS
        ),
        (0, None),
    )
    means = _maker(graph, reader.input[0]) if reader else None
    # Windows of a fixed size take their means by AveragePool and need nothing from outside.
    if reader is None or means is None or means.op_type not in {"ReduceMean", "GlobalAveragePool"}:
        return False
    channels = _channels(graph, reader.input[1])
    means.output[0], reader.input[0] = CONTEXT, "context/taken"
    choose = [
        helper.make_node("IsNaN", [GIVEN_CONTEXT], ["context/own"], "context/is_own"),
        helper.make_node(
            "Where", ["context/own", CONTEXT, GIVEN_CONTEXT], ["context/taken"], "context/choose"
        ),
    ]
    nodes = [*graph.node[:place], *choose, *graph.node[place:]]
    del graph.node[:]
    graph.node.extend(nodes)
    shape = [1, channels, 1, 1]
    graph.initializer.append(
        numpy_helper.from_array(np.full(shape, np.nan, np.float32), GIVEN_CONTEXT)
    )
    graph.input.append(helper.make_tensor_value_info(GIVEN_CONTEXT, TensorProto.FLOAT, shape))
    graph.output.append(
        helper.make_tensor_value_info(CONTEXT, TensorProto.FLOAT, ["batch", *shape[1:]])
    )
    return True


def _maker(graph: Any, value: str) -> Any:
    return next((node for node in graph.node if value in node.output), None)


def _channels(graph: Any, weight: str) -> int:
    """Input channels of a convolution, whose weight may be stored in 16 bits."""
    names = {weight, f"{weight}/half"}
    return next(item.dims[1] for item in graph.initializer if item.name in names)
