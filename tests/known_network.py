"""A network whose answer is known: each pixel belongs to its strongest colour."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from atrous.runtime.card import CARD_KEY, ModelCard, Preprocessing

CARD = ModelCard(
    name="strongest-color",
    classes=("red", "green", "blue"),
    palette=((200, 0, 0), (0, 200, 0), (0, 0, 200)),
    preprocessing=Preprocessing(),
)


def write_known_network(
    path: Path,
    *,
    card: ModelCard | str | None = CARD,
    stride: int = 1,
    scale: float = 1.0,
    input_name: str = "images",
    num_classes: int = 3,
) -> Path:
    """An ONNX file whose logits are the mean of each colour over ``stride`` x ``stride`` pixels.

    Logits of classes from the fourth on are 0: bright colours are above, dark ones below.
    """
    weight = np.eye(num_classes, 3, dtype=np.float32)[:, :, None, None] * np.float32(scale)
    nodes = [
        helper.make_node(
            "AveragePool",
            [input_name],
            ["pooled"],
            kernel_shape=[stride, stride],
            strides=[stride, stride],
            ceil_mode=1,
        ),
        helper.make_node("Conv", ["pooled", "weight"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "known",
        [helper.make_tensor_value_info(input_name, TensorProto.FLOAT, ["b", 3, "h", "w"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", num_classes, "r", "c"])],
        [numpy_helper.from_array(weight, "weight")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    if card is not None:
        entry = model.metadata_props.add()
        entry.key = CARD_KEY
        entry.value = card.to_json() if isinstance(card, ModelCard) else card
    onnx.save(model, path)
    return path


def color_blocks(size: tuple[int, int] = (60, 90)) -> tuple[np.ndarray, np.ndarray]:
    """A picture of a red, a green and a blue third, and its labels."""
    width = size[1]
    labels = np.broadcast_to(np.arange(width) * 3 // width, size).astype(np.uint8).copy()
    pixels = np.full((*size, 3), 20, np.uint8)
    for index in range(3):
        pixels[labels == index, index] = 220
    return pixels, labels
