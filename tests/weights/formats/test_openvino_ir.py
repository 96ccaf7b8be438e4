import re

import numpy as np
import pytest

from atrous.errors import WeightsError
from atrous.weights.formats.openvino_ir import read_openvino_ir
from weights.foreign import write_ir


@pytest.fixture
def layers():
    random = np.random.default_rng(0)
    return {
        "net/dense": random.standard_normal((4, 3, 3, 3)),
        "net/depthwise": random.standard_normal((4, 1, 3, 3)),
    }


@pytest.mark.parametrize("precision", ["FP16", "FP32"])
def test_weights_and_biases_are_those_that_were_written(layers, precision, tmp_path):
    constants = read_openvino_ir(write_ir(tmp_path / "a.xml", layers, precision=precision))

    assert list(constants) == [
        "net/dense/weights",
        "net/dense/biases",
        "net/depthwise/weights",
        "net/depthwise/biases",
    ]
    for name, expected in layers.items():
        np.testing.assert_allclose(constants[f"{name}/weights"], expected, rtol=1e-3)
        assert constants[f"{name}/biases"].tolist() == [0, 1, 2, 3]


def test_the_published_graph_has_53_convolutions_and_its_logits(shared_weights):
    constants = read_openvino_ir(shared_weights / "deeplabv3_mnv2_pascal_train_aug_fp16.xml")

    weights = {name: values for name, values in constants.items() if name.endswith("weights")}
    # 1 + 2 + 16 x 3 in MobileNetV2; image pooling, aspp0, projection and logits behind it
    assert len(weights) == 51 + 4
    assert constants["logits/semantic/biases"].shape == (21,)
    assert weights["MobilenetV2/Conv/weights"].shape == (32, 3, 3, 3)


@pytest.mark.parametrize(
    ("found", "instead", "sentence"),
    [
        ("</net>", "", "not XML"),
        ("<net", '<!DOCTYPE net [<!ENTITY a "b">]><net', "declares entities"),
        ("<net", '<?xml version="1.0" encoding="klingon"?><net', "not XML"),
        ('type="Convolution"', 'type="Pooling"', "holds no convolution"),
        ('precision="FP16"', 'precision="I8"', "layer 'net/dense' is damaged"),
        ('kernel="3,3"', 'kernel="3"', "layer 'net/dense' is damaged"),
        ('output="4"', 'output="5"', "layer 'net/dense' is damaged"),
        ('output="4"', "", "layer 'net/dense' is damaged"),
        ('offset="0"', 'offset="999999"', "layer 'net/dense' is damaged"),
        ('offset="0"', 'offset="-4"', "layer 'net/dense' is damaged"),
        ('size="216"', 'size="many"', "layer 'net/dense' is damaged"),
        ('size="216"', 'size="99999999999999999999"', "layer 'net/dense' is damaged"),
        ('size="8"', 'size="6"', "layer 'net/dense' is damaged"),
        ('group="1"', 'group="2"', "2 groups of several channels"),
        ("<data ", "<date ", "layer 'net/dense' is damaged"),
    ],
)
def test_damaged_xml_is_refused_with_its_name_and_place(layers, found, instead, sentence, tmp_path):
    path = write_ir(tmp_path / "a.xml", layers)
    text = path.read_text()
    assert found in text
    path.write_text(text.replace(found, instead))

    with pytest.raises(WeightsError, match=rf"{re.escape(str(path))}.*{sentence}"):
        read_openvino_ir(path)


def test_layers_that_share_their_values_cannot_become_endless(layers, tmp_path):
    path = write_ir(tmp_path / "a.xml", layers)
    start, end, rest = path.read_text().partition("</layers>")
    path.write_text(start + start.partition("<layers>")[2].replace("net/", "more/") + end + rest)

    with pytest.raises(WeightsError, match=r"a\.xml: its layers claim more values than"):
        read_openvino_ir(path)


def test_entities_cannot_hide_in_another_encoding(layers, tmp_path):
    path = write_ir(tmp_path / "a.xml", layers)
    path.write_text(f'<!DOCTYPE net [<!ENTITY a "b">]>{path.read_text()}', encoding="utf-16")

    with pytest.raises(WeightsError, match="declares entities"):
        read_openvino_ir(path)


@pytest.mark.parametrize("kept", [0, 1, 100, 215])
def test_a_truncated_binary_is_refused(layers, kept, tmp_path):
    path = write_ir(tmp_path / "a.xml", layers)
    binary = path.with_suffix(".bin")
    binary.write_bytes(binary.read_bytes()[:kept])

    with pytest.raises(WeightsError, match=r"a\.xml: layer 'net/dense' is damaged"):
        read_openvino_ir(path)


@pytest.mark.parametrize("missing", [".xml", ".bin"])
def test_a_missing_half_is_named(layers, missing, tmp_path):
    path = write_ir(tmp_path / "a.xml", layers)
    path.with_suffix(missing).unlink()

    with pytest.raises(WeightsError, match=rf"a\{missing}: no such file; .* an \.xml and a \.bin"):
        read_openvino_ir(path)
