"""Files that TensorFlow itself writes, of a small graph with the names of the release."""

import numpy as np
import pytest

from atrous.weights.formats.frozen_graph import read_frozen_graph
from atrous.weights.formats.tf_checkpoint import read_tf_checkpoint
from atrous.weights.formats.tf_checkpoint_v1 import read_v1_checkpoint
from atrous.weights.formats.tflite import read_tflite

SCALE = np.float32([1, 2, 3, 4])
VARIABLES = {
    "net/Conv/weights": np.random.default_rng(0).standard_normal((3, 3, 3, 4)).astype("f4"),
    "net/Conv/BatchNorm/gamma": SCALE,
    "net/Conv/BatchNorm/beta": np.zeros(4, np.float32),
    "net/Conv/BatchNorm/moving_mean": np.zeros(4, np.float32),
    "net/Conv/BatchNorm/moving_variance": np.ones(4, np.float32),
    "aspp0/weights": np.random.default_rng(1).standard_normal((1, 1, 4, 2)).astype("f4"),
    "aspp0/biases": np.float32([5, 6]),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with the files."""
    pytest.importorskip("tensorflow", reason="TensorFlow is not installed")
    folder = tmp_path_factory.mktemp("tensorflow")
    _write(folder)
    return folder


def _write(folder):
    import tensorflow as tf  # noqa: PLC0415 - takes seconds

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        read = {
            name: v1.get_variable(name, initializer=v, use_resource=False)
            for name, v in VARIABLES.items()
        }
        images = v1.placeholder(tf.float32, (1, 65, 65, 3), name="ImageTensor")
        maps = v1.nn.conv2d(
            images, read["net/Conv/weights"], [1, 8, 8, 1], "SAME", name="net/Conv/Conv2D"
        )
        norm = [read[f"net/Conv/BatchNorm/{part}"] for part in ("gamma", "beta")]
        norm += [read[f"net/Conv/BatchNorm/moving_{part}"] for part in ("mean", "variance")]
        maps = v1.nn.fused_batch_norm(
            maps, *norm, epsilon=0, is_training=False, name="net/Conv/BatchNorm/FusedBatchNorm"
        )[0]
        maps = v1.nn.conv2d(maps, read["aspp0/weights"], [1, 1, 1, 1], "SAME", name="aspp0/Conv2D")
        maps = v1.nn.bias_add(maps, read["aspp0/biases"], name="aspp0/BiasAdd")
        maps = v1.image.resize_bilinear(maps, (65, 65), align_corners=True, name="logits")
        session.run(v1.global_variables_initializer())
        v1.train.Saver().save(session, str(folder / "v2.ckpt"))
        v1.train.Saver(write_version=v1.train.SaverDef.V1).save(session, str(folder / "v1.ckpt"))
        graph = v1.graph_util.convert_variables_to_constants(session, session.graph_def, ["logits"])
        (folder / "frozen.pb").write_bytes(graph.SerializeToString())
        converter = v1.lite.TFLiteConverter.from_session(session, [images], [maps])
        (folder / "float.tflite").write_bytes(converter.convert())


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("v2.ckpt", read_tf_checkpoint),
        ("v1.ckpt", read_v1_checkpoint),
        ("frozen.pb", lambda path: read_frozen_graph(path).values),
    ],
)
def test_every_variable_comes_back(name, read, written):
    found = read(written / name)

    assert found.keys() == VARIABLES.keys()
    for variable, expected in VARIABLES.items():
        np.testing.assert_array_equal(found[variable], expected)


def test_a_frozen_graph_tells_what_it_is_made_for(written):
    found = read_frozen_graph(written / "frozen.pb")

    assert (found.output_stride, found.align_corners) == (8, True)


def test_a_tflite_model_has_the_norm_folded_into_its_weights(written):
    found = read_tflite(written / "float.tflite")

    folded = VARIABLES["net/Conv/weights"] * SCALE
    np.testing.assert_allclose(
        found.values["net/Conv/weights"], folded.transpose(3, 2, 0, 1), rtol=1e-6
    )
    np.testing.assert_array_equal(found.values["aspp0/biases"], [5, 6])
    assert (found.output_stride, found.align_corners, found.size) == (8, True, 65)
