import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from atrous.errors import ExportError, WeightsError
from atrous.export.int8 import Int8, run_bytes
from atrous.runtime.card import CARD_KEY
from atrous.weights.from_onnx import load_onnx_model
from known_network import CARD

CHANNELS = 8
_RANDOM = np.random.default_rng(0)
PICTURES = [_RANDOM.normal(size=(1, 3, 24, 32)).astype(np.float32) for _ in range(3)]


def chain(outlier=1.0):
    """Four convolutions a, b, c and last; b reads one channel that is ``outlier`` times larger.

    It gives that channel a weight so much smaller, so that the logits stay the same, but of the
    other channels nothing is left when all are rounded to one scale.
    """
    random = np.random.default_rng(1)
    widths = [3, CHANNELS, CHANNELS, CHANNELS, 3]
    nodes, weights, name = [], [], "images"
    for index, layer in enumerate(("a", "b", "c", "last")):
        values = random.normal(size=(widths[index + 1], widths[index], 1, 1)) / 2
        if layer == "a":
            values[0] *= outlier
        if layer == "b":
            values[:, 0] /= outlier
        weight = f"{layer}.conv.weight"
        weights.append(numpy_helper.from_array(values.astype(np.float32), weight))
        out = "logits" if layer == "last" else f"{layer}.out"
        nodes.append(helper.make_node("Conv", [name, weight], [out], name=f"node_{layer}"))
        name = out
        if layer != "last":
            nodes.append(helper.make_node("Relu", [out], [f"{layer}.relu"], name=f"relu_{layer}"))
            name = f"{layer}.relu"
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["b", 3, "h", "w"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", 3, "r", "c"])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    entry = model.metadata_props.add()
    entry.key, entry.value = CARD_KEY, CARD.to_json()
    return model.SerializeToString()


def equal_labels(content, other):
    first, second = (run_bytes(one)(PICTURES[0]).argmax(axis=1) for one in (content, other))
    return (first == second).mean()


def test_a_network_that_bears_8_bits_is_rounded_but_for_its_last_layer():
    plain = chain()
    int8 = Int8(PICTURES, lambda content: equal_labels(content, plain) > 0.95)

    content = int8(plain)

    assert int8.float_layers == ("last",)
    kinds = {item.data_type for item in onnx.load_from_string(content).graph.initializer}
    assert TensorProto.INT8 in kinds
    assert equal_labels(content, plain) > 0.95
    assert not np.array_equal(run_bytes(content)(PICTURES[0]), run_bytes(plain)(PICTURES[0]))


def test_the_layer_that_cannot_bear_8_bits_is_left_in_32():
    plain = chain(outlier=3000)
    int8 = Int8(PICTURES, lambda content: equal_labels(content, plain) > 0.95)

    content = int8(plain)

    assert int8.float_layers == ("last", "b")
    stored = {item.name for item in onnx.load_from_string(content).graph.initializer}
    assert "b.conv.weight" in stored
    assert {"a.conv.weight", "c.conv.weight"}.isdisjoint(stored)


def test_the_card_stays_in_the_file():
    content = Int8(PICTURES, lambda _: True)(chain())

    session = onnxruntime.InferenceSession(content)
    assert session.get_modelmeta().custom_metadata_map == {CARD_KEY: CARD.to_json()}


def test_the_same_pictures_give_the_same_file():
    first, second = (Int8(PICTURES, lambda _: True)(chain()) for _ in range(2))

    assert first == second


def test_a_network_that_bears_8_bits_nowhere_is_refused():
    with pytest.raises(ExportError, match="8 bits are too few for every layer"):
        Int8(PICTURES, lambda _: False)(chain())


def test_the_way_back_to_torch_says_that_weights_are_rounded(tmp_path):
    architecture = {"encoder": "mobilenetv2_035", "num_classes": 3}
    proto = onnx.load_from_string(Int8(PICTURES, lambda _: True)(chain()))
    proto.metadata_props[0].value = CARD.model_copy(update={"architecture": architecture}).to_json()
    onnx.save(proto, tmp_path / "m.onnx")

    with pytest.raises(WeightsError, match="8-bit"):
        load_onnx_model(tmp_path / "m.onnx")
