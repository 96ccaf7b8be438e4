import re

import numpy as np
import pytest

from atrous.errors import WeightsError
from atrous.weights.formats.frozen_graph import read_frozen_graph
from weights.foreign import field
from weights.foreign_graphs import tensor_proto, write_frozen_graph

VARIABLES = {
    "net/Conv/weights": np.random.default_rng(0).standard_normal((3, 3, 2, 4)).astype("f4"),
    "net/Conv/BatchNorm/gamma": np.ones(4, np.float32),
    "net/Conv/BatchNorm/beta": np.float32([0, 1, 0, 0]),
    "net/Conv/BatchNorm/moving_mean": np.zeros(4, np.float32),
    "net/Conv/BatchNorm/moving_variance": np.float32([1, 2, 3, 4]),
    "net/depthwise/depthwise_weights": np.ones((3, 3, 4, 1), np.float16),
    "logits/semantic/biases": np.arange(5, dtype=np.float16),
}


@pytest.mark.parametrize("listed", [False, True])
def test_every_variable_comes_back(listed, tmp_path):
    found = read_frozen_graph(write_frozen_graph(tmp_path / "a.pb", VARIABLES, listed=listed))

    assert found.values.keys() == VARIABLES.keys()
    for name, expected in VARIABLES.items():
        np.testing.assert_array_equal(found.values[name], expected)
        assert found.values[name].dtype == expected.dtype


def test_constants_that_are_no_variables_are_no_values(tmp_path):
    settings = {"ResizeBilinear/size": np.array([65, 65]), "sub/y": np.ones(3, np.float32)}

    found = read_frozen_graph(write_frozen_graph(tmp_path / "a.pb", VARIABLES | settings))

    assert found.values.keys() == VARIABLES.keys()


@pytest.mark.parametrize(
    ("strides", "told"), [((2, 2, 2), 8), ((2, 1, 2, 2, 2), 16), ((2,) * 5, 32), ((2, 2), None)]
)
def test_the_output_stride_is_that_of_the_graph(strides, told, tmp_path):
    path = write_frozen_graph(tmp_path / "a.pb", VARIABLES, strides=strides)

    assert read_frozen_graph(path).output_stride == told


@pytest.mark.parametrize("corners", [True, False, "first"])
def test_the_way_of_resizing_is_that_of_the_graph(corners, tmp_path):
    path = write_frozen_graph(tmp_path / "a.pb", VARIABLES, align_corners=corners)

    assert read_frozen_graph(path).align_corners == corners


def test_norms_that_the_transform_tool_folded_leave_biases(tmp_path):
    arrays = {
        "net/Conv/weights/read": VARIABLES["net/Conv/weights"],
        "net/Conv/Conv2D_bn_offset": np.float32([1, 2, 3, 4]),
        "net/depthwise/depthwise_weights": VARIABLES["net/depthwise/depthwise_weights"],
        "net/depthwise/depthwise_bn_offset": np.float32([5, 6, 7, 8]),
        "logits/semantic/biases": VARIABLES["logits/semantic/biases"],
    }

    found = read_frozen_graph(write_frozen_graph(tmp_path / "a.pb", arrays)).values

    assert {name: value.shape for name, value in found.items()} == {
        "net/Conv/weights": (4, 2, 3, 3),
        "net/Conv/biases": (4,),
        "net/depthwise/weights": (4, 1, 3, 3),
        "net/depthwise/biases": (4,),
        "logits/semantic/biases": (5,),
    }
    assert found["net/depthwise/biases"].tolist() == [5, 6, 7, 8]


def _graph(tensor: bytes) -> bytes:
    """A graph of one constant, a/weights."""
    setting = field(1, b"value") + field(2, field(8, tensor))
    return field(1, field(1, b"a/weights") + field(2, b"Const") + field(5, setting))


HUGE = field(2, field(2, field(1, 1 << 31)) * 2)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "has no constants that are weights of a network"),
        (field(1, 1) + field(2, b""), "has no constants that are weights of a network"),
        (b"\x0b", "not a whole frozen graph .field 1 is of the unexpected kind 3"),
        (_graph(tensor_proto(np.ones(3, np.float32)))[:-1], "not a whole frozen graph"),
        (_graph(tensor_proto(np.array([1]))), "a/weights is of TensorFlow's type 9; expected"),
        (_graph(field(1, 1) + HUGE + field(5, b"\0\0\0\0")), "claims 4611686018427387904 values"),
        (_graph(field(1, 1) + field(2, field(2, field(1, 2)))), r"of shape \[2\] has 0 values"),
        (_graph(field(1, 1) + field(5, b"\0" * 8)), r"of shape \[\] has 2 values"),
        (_graph(field(1, 1) + field(5, b"\0" * 7)), "not a whole frozen graph"),
        (_graph(field(1, 19) + field(13, 1 << 16)), "a number of 16 bits has more"),
        (
            _graph(field(1, 1) + field(2, field(2, field(1, 9))) + field(4, b"\0" * 8)),
            r"of shape \[9\] has 2 values",
        ),
    ],
)
def test_what_is_no_frozen_graph_is_refused(content, sentence, tmp_path):
    path = tmp_path / "a.pb"
    path.write_bytes(content)

    with pytest.raises(WeightsError, match=rf"{re.escape(str(path))}.*{sentence}"):
        read_frozen_graph(path)


def test_a_graph_that_runs_in_circles_is_not_followed_forever(tmp_path):
    path = write_frozen_graph(tmp_path / "a.pb", VARIABLES)
    path.write_bytes(path.read_bytes().replace(b"ImageTensor:0", b"net/conv3:0:0"))

    assert read_frozen_graph(path).values.keys() == VARIABLES.keys()


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"a\.pb: cannot be read \(No such file"):
        read_frozen_graph(tmp_path / "a.pb")
