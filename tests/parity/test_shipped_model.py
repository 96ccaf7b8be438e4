"""The shipped weights on the real pictures they were made for."""

import numpy as np
import pytest
import torch

import atrous
from atrous.data.detect import open_split
from atrous.engine.evaluate import evaluate, samples_of
from atrous.models.torch_engine import TorchEngine
from atrous.runtime.predictor import Predictor, prepare
from atrous.weights.from_onnx import load_onnx_model
from atrous.weights.load import find_model


@pytest.fixture(scope="module")
def val(camvid_root):
    return open_split(camvid_root, "val")


def test_the_card_states_the_mean_iou_that_is_measured(val):
    predictor = atrous.load()

    found = evaluate(predictor.predict_pixels, val, samples_of(val))

    # To 0.01 points: sums in another order on another machine move a few pixels of 17 million.
    assert found.mean_iou == pytest.approx(predictor.card.result["mean_iou"], abs=1e-4)
    assert found.images == 101


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
