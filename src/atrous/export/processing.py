"""Pixels in and labels out, as nodes around an ONNX graph."""

from typing import Any

import numpy as np

from atrous.runtime.card import ModelCard
from atrous.runtime.upsample import AlignCorners

_COORDINATES: dict[AlignCorners, str] = {
    True: "align_corners",
    False: "half_pixel",
    "first": "asymmetric",
}
"""What ONNX calls `atrous.runtime.upsample.AlignCorners`."""


def add_processing(graph: Any, card: ModelCard) -> None:
    """Normalize in front of a graph's ``images``; resize its ``logits`` and take the best class."""
    from onnx import TensorProto, helper, numpy_helper  # noqa: PLC0415

    kind = card.preprocessing.kind
    pixel_type = TensorProto.UINT8 if kind.bits == 8 else TensorProto.UINT16
    label_type = TensorProto.UINT8 if len(card.classes) <= 256 else TensorProto.INT32
    node = helper.make_node
    before = [
        node("Cast", ["pixels"], ["pixels/float"], to=TensorProto.FLOAT),
        node("Sub", ["pixels/float", "pixels/mean"], ["pixels/centred"]),
        node("Div", ["pixels/centred", "pixels/std"], ["pixels/normed"]),
        node("Transpose", ["pixels/normed"], ["images"], perm=[0, 3, 1, 2]),
    ]
    after = [
        node("Shape", ["logits"], ["labels/channels"], start=0, end=2),
        node("Shape", ["pixels"], ["labels/size"], start=1, end=3),
        node("Concat", ["labels/channels", "labels/size"], ["labels/shape"], axis=0),
        node(
            "Resize",
            ["logits", "", "", "labels/shape"],
            ["labels/logits"],
            mode="linear",
            coordinate_transformation_mode=_COORDINATES[card.align_corners],
        ),
        node("ArgMax", ["labels/logits"], ["labels/index"], axis=1, keepdims=0),
        node("Cast", ["labels/index"], ["labels"], to=label_type),
    ]
    nodes = [*before, *graph.node, *after]
    del graph.node[:], graph.input[:], graph.output[:]
    graph.node.extend(nodes)
    sides = ["batch", "height", "width"]
    pixels = helper.make_tensor_value_info("pixels", pixel_type, [*sides, kind.channels])
    graph.input.append(pixels)
    graph.output.append(helper.make_tensor_value_info("labels", label_type, sides))
    for name, values in (("mean", card.preprocessing.mean), ("std", card.preprocessing.std)):
        array = np.array(values, np.float32)
        graph.initializer.append(numpy_helper.from_array(array, f"pixels/{name}"))


def fix_size(graph: Any, size: tuple[int, int], grid: tuple[int, int]) -> None:
    """Take one picture of one size.

    Args:
        graph: Takes images or pixels of any size.
        size: Height and width of the picture.
        grid: Of its logits.
    """
    sides = {"batch": 1, "height": size[0], "width": size[1], "rows": grid[0], "columns": grid[1]}
    for value in (graph.input[0], graph.output[0]):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in sides:
                dim.dim_value = sides[dim.dim_param]  # takes the name's place
