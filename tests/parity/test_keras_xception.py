"""Our Xception classifier against Keras' own, with the same weights and pictures.

The logits in ``data/keras_xception.npz`` were computed by ``keras.applications.Xception`` of Keras
3.15.1 (every tenth of 1000 classes), with weights that are a function of the layers' names and the
pictures of `parity.official.pictures`. Keras numbers its four unnamed shortcuts; here they are
called block2, 3, 4 and 13_shortcut.
"""

import numpy as np
import pytest
import torch

from atrous.models.classifier import build_classifier
from atrous.models.config import ClassifierConfig
from parity.official import pictures, variable
from parity.store import STORED

TOLERANCE = 1e-3
CLASS_STEP = 10
NORM = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}


def keras_layer(ours):
    """Keras' layer of a convolution of ours."""
    group, *place = ours.split(".")
    if group == "root":
        return f"block1_conv{int(place[0]) + 1}"
    if group == "exit":
        return f"block14_sepconv{int(place[0]) // 2 + 1}"
    block = f"block{int(place[0]) + 2}"
    return f"{block}_shortcut" if place[1] == "shortcut" else f"{block}_sepconv{int(place[2]) + 1}"


def value(name, tensor):
    """What Keras had for a tensor of the encoder."""
    layer, kind, part = name.rsplit(".", 2)
    shape = tuple(tensor.shape)
    if kind == "norm":
        layer = f"{keras_layer(layer)}_bn"
        found = variable(f"{layer}/{NORM[part]}/{NORM[part]}", shape)
        half = layer.endswith("sepconv3_bn") and part == "weight"
        return torch.from_numpy(found * np.float32(0.5) if half else found)
    out, inner, *sides = shape
    if layer.endswith(".depthwise"):
        leaf = f"{keras_layer(layer)}/depthwise_kernel/depthwise_weights"
        return torch.from_numpy(variable(leaf, (*sides, out, 1))).permute(2, 3, 0, 1)
    kernel = "pointwise_kernel" if layer.endswith(".pointwise") else "kernel"
    leaf = f"{keras_layer(layer)}/{kernel}/weights"
    return torch.from_numpy(variable(leaf, (*sides, inner, out))).permute(3, 2, 0, 1)


@pytest.fixture(scope="module")
def classifier():
    model = build_classifier(ClassifierConfig(padding="same")).eval()
    state = model.encoder.state_dict()
    for name, tensor in state.items():
        if not name.endswith("num_batches_tracked"):
            state[name] = value(name, tensor)
    model.encoder.load_state_dict(state)
    kernel = variable("predictions/kernel/weights", (1, 1, 2048, 1000)).reshape(2048, 1000)
    model.classifier.weight.data = torch.from_numpy(kernel.T.copy())
    model.classifier.bias.data = torch.from_numpy(variable("predictions/bias/biases", (1000,)))
    return model


@pytest.mark.parametrize("size", [(299, 299), (128, 160), (96, 71)], ids=str)
def test_logits_are_those_of_keras_at_odd_and_even_sizes(size, classifier):
    expected = np.load(STORED / "keras_xception.npz")["logits_2x{}x{}".format(*size)]

    with torch.inference_mode():
        logits = classifier(pictures(2, *size))[:, ::CLASS_STEP].numpy()

    # Float32 sums in another order give 5e-6 of the spread; pooling padded alike on both sides
    # gives 0.03 (at 299 pixels) to 0.4.
    assert np.abs(logits - expected).max() < TOLERANCE * expected.std()


def test_the_paper_counts_as_many_parameters():
    with torch.device("meta"):
        parameters = sum(p.numel() for p in build_classifier(ClassifierConfig()).parameters())

    assert parameters == 22_855_952
