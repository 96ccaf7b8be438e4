import re

import numpy as np
import pytest

from atrous.errors import WeightsError
from atrous.weights.formats.tflite import read_tflite
from weights.foreign_graphs import flatbuffer, small_layers, tflite_table, write_tflite

# A half has 11 bits; of 100 steps to the largest, a value is at most half a step off.
TOLERANCES = {"float32": 1e-6, "float16": 2e-3, "int8": 0.03, "uint8": 0.03}


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_weights_and_biases_are_those_that_were_written(dtype, tmp_path):
    found = read_tflite(write_tflite(tmp_path / "a.tflite", small_layers(), dtype=dtype)).values

    assert list(found) == [
        f"{layer}/{part}" for layer in small_layers() for part in ("weights", "biases")
    ]
    for name, expected in small_layers().items():
        np.testing.assert_allclose(found[f"{name}/weights"], expected, atol=TOLERANCES[dtype])
        np.testing.assert_allclose(
            found[f"{name}/biases"], np.arange(len(expected)), atol=TOLERANCES[dtype]
        )


def test_each_channel_has_its_own_scale(tmp_path):
    weights = np.stack([np.full((3, 1, 1), 1e-2), np.full((3, 1, 1), 1e2)])

    found = read_tflite(write_tflite(tmp_path / "a.tflite", {"net": weights}, dtype="int8")).values

    np.testing.assert_allclose(found["net/weights"], weights, rtol=1e-6)


@pytest.mark.parametrize(("side", "stride"), [(257, 8), (257, 16), (512, 16), (513, 32)])
def test_output_stride_and_size_are_those_of_the_graph(side, stride, tmp_path):
    path = write_tflite(tmp_path / "a.tflite", small_layers(), side=side, stride=stride)

    assert (read_tflite(path).output_stride, read_tflite(path).size) == (stride, side)


@pytest.mark.parametrize("side", [1, 32, 1 << 20])
def test_a_size_that_no_network_is_made_for_is_not_told(side, tmp_path):
    table = tflite_table(small_layers())
    table[2][0][0][0][0] = np.array([1, side, side, 3], "i4")
    path = tmp_path / "a.tflite"
    path.write_bytes(flatbuffer(table, mark=b"TFL3"))

    assert read_tflite(path).size is None


@pytest.mark.parametrize("stride", [4, 64])
def test_a_stride_that_no_network_has_is_not_told(stride, tmp_path):
    path = write_tflite(tmp_path / "a.tflite", small_layers(), side=257, stride=stride)

    assert read_tflite(path).output_stride is None


@pytest.mark.parametrize("corners", [True, False, "first"])
def test_the_way_of_resizing_is_that_of_the_graph(corners, tmp_path):
    path = write_tflite(tmp_path / "a.tflite", small_layers(), align_corners=(corners, corners))

    assert read_tflite(path).align_corners == corners


def test_two_ways_of_resizing_are_refused(tmp_path):
    path = write_tflite(tmp_path / "a.tflite", small_layers(), align_corners=(True, False))

    with pytest.raises(WeightsError, match="resizes maps in several ways"):
        read_tflite(path)


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("MobilenetV2/Conv/weights", "MobilenetV2/Conv"),
        ("MobilenetV2/Conv/weights/read", "MobilenetV2/Conv"),
        ("MobilenetV2/Conv/weights_quant/FakeQuantWithMinMaxVars", "MobilenetV2/Conv"),
        ("MobilenetV2/Conv/BatchNorm/FusedBatchNormV3;a/weights", "MobilenetV2/Conv"),
        ("MobilenetV2/Conv/mul_fold", "MobilenetV2/Conv"),
        ("aspp0/Conv2D_Fold_bias", "aspp0"),
        ("a/depthwise/depthwise_weights", "a/depthwise"),
        ("a/depthwise/depthwise", "a/depthwise"),
        ("a/depthwise/BatchNorm/FusedBatchNorm;b", "a/depthwise"),
        ("decoder/decoder_conv0_depthwise/depthwise", "decoder/decoder_conv0_depthwise"),
        ("anything else", "anything else"),
    ],
)
def test_the_layer_is_told_by_the_first_name_of_its_weights(name, layer, tmp_path):
    layers, names = {"placeholder": np.ones((2, 3, 1, 1))}, {"placeholder/weights": name}
    path = write_tflite(tmp_path / "a.tflite", layers, names=names)

    assert list(read_tflite(path).values) == [f"{layer}/weights", f"{layer}/biases"]


def _weights(table):
    return table[2][0][0][1]


DAMAGES = {
    "is of TFLite's type 8, which is not read": lambda t: _weights(t).update({1: ("b", 8)}),
    "holds integers without a scale": lambda t: _weights(t).pop(4),
    r"of shape \[4, 3, 3, 4\] cannot be of 108 bytes": lambda t: _weights(t).update(
        {0: np.array([4, 3, 3, 4], "i4")}
    ),
    r"of shape \[-4, -3, 3, 3\] cannot be": lambda t: _weights(t).update(
        {0: np.array([-4, -3, 3, 3], "i4")}
    ),
    "the weights of a convolution have the shape": lambda t: _weights(t).update(
        {0: np.array([108], "i4"), 4: _weights(t)[4] | {2: np.ones(1, "f4"), 3: np.zeros(1, "i8")}}
    ),
    "has 3 scales": lambda t: _weights(t)[4].update({2: np.ones(3, "f4")}),
    "names buffer 99": lambda t: _weights(t).update({2: ("I", 99)}),
    "is sparse": lambda t: _weights(t).update({6: {}}),
    "a tensor has 9 axes": lambda t: _weights(t).update({0: np.ones(9, "i4")}),
    "an operator takes 5000 tensors": lambda t: t[2][0][3][0].update({1: np.ones(5000, "i4")}),
    "tensor 77 is not there": lambda t: t[2][0][3][0].update({1: np.array([0, 77, 2], "i4")}),
    "tensor -1 is not there": lambda t: t[2][0][3][0].update({1: np.array([0, -1], "i4")}),
    "it has no graph": lambda t: t.pop(2),
    "two convolutions are called 'net/dense'": lambda t: t[2][0][3].append(t[2][0][3][0]),
    "holds no convolution with weights": lambda t: t[2][0].update({3: []}),
}


@pytest.mark.parametrize("sentence", DAMAGES)
def test_what_does_not_fit_together_is_said(sentence, tmp_path):
    table = tflite_table(small_layers(), dtype="int8")
    DAMAGES[sentence](table)
    path = tmp_path / "a.tflite"
    path.write_bytes(flatbuffer(table, mark=b"TFL3"))

    with pytest.raises(WeightsError, match=rf"{re.escape(str(path))}.*{sentence}"):
        read_tflite(path)


def test_a_small_file_cannot_become_many_values(tmp_path):
    layers = {f"net{index}": np.zeros((64, 64, 3, 3)) for index in range(9)}
    table = tflite_table(layers)
    for tensor in table[2][0][0]:
        number = tensor[2][1]  # those of weights are odd; all share the buffers of the first layer
        tensor[2] = ("I", number and 2 - number % 2)
    del table[4][3:]
    path = tmp_path / "a.tflite"
    path.write_bytes(flatbuffer(table, mark=b"TFL3"))

    with pytest.raises(WeightsError, match="more values than the file has bytes"):
        read_tflite(path)


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "a.tflite"
    path.write_bytes(b"anything at all")

    with pytest.raises(WeightsError, match=rf"{re.escape(str(path))}: not a TFLite model"):
        read_tflite(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"a\.tflite: cannot be read \(No such file"):
        read_tflite(tmp_path / "a.tflite")
