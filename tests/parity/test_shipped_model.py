"""The shipped weights on the real pictures they were made for.

Their mean IoU is measured by the command, in tests/cli/test_evaluate.py.
"""

import numpy as np
import pytest
import torch

import atrous
from atrous.data.detect import open_split
from atrous.engine.evaluate import samples_of
from atrous.models.torch_engine import TorchEngine
from atrous.runtime.predictor import Predictor, prepare
from atrous.weights.from_onnx import load_onnx_model
from atrous.weights.load import find_model


@pytest.fixture(scope="module")
def val(camvid_root):
    return open_split(camvid_root, "val")


def test_onnx_and_torch_give_the_same_logits_and_labels(val):
    exported = atrous.load()
    network, card = load_onnx_model(find_model(None))
    engine = TorchEngine(network, device=torch.device("cpu"))
    equal, pixels = 0, 0

    for sample in list(samples_of(val))[::10]:
        images = prepare(sample.image, card.preprocessing)
        assert np.abs(exported.engine.run(images) - engine.run(images)).max() < 1e-3
        same = exported.predict_pixels(sample.image) == Predictor(engine, card).predict_pixels(
            sample.image
        )
        equal, pixels = equal + int(same.sum()), pixels + same.size

    assert equal / pixels >= 0.9999
