"""Trainings that start from TensorFlow checkpoints."""

import numpy as np
import pytest
import torch

from atrous.errors import WeightsError
from atrous.models.build import build_model
from atrous.models.config import ModelConfig
from atrous.weights.load import find_start
from atrous.weights.start import load_start
from parity.official import build_official, official_values
from weights.foreign import write_tf_checkpoint


def build(**settings):
    torch.manual_seed(0)
    return build_model(ModelConfig(**{"encoder": "mobilenetv2", "num_classes": 3} | settings))


@pytest.fixture(scope="module")
def published():
    return official_values("mobilenet_v2")


@pytest.fixture(scope="module")
def checkpoint(published, tmp_path_factory):
    return write_tf_checkpoint(tmp_path_factory.mktemp("tf") / "model.ckpt-30000", published)


@pytest.fixture(scope="module")
def imagenet(published, tmp_path_factory):
    """An encoder with its ImageNet classifier and what its training left, and no head."""
    values = {name: v for name, v in published.items() if name.startswith("MobilenetV2/")}
    values |= {f"{name}/Momentum": value for name, value in values.items()}
    values |= {
        "MobilenetV2/logits/weights": np.zeros((1, 1, 320, 1001), np.float32),
        "global_step": np.array(5, np.int64),
    }
    return write_tf_checkpoint(tmp_path_factory.mktemp("tf") / "model.ckpt", values)


def assert_equal_states(ours, expected, names):
    for name in names:
        torch.testing.assert_close(ours[name], expected[name], msg=name, check_dtype=False)


def test_the_encoder_is_taken_whole_and_of_the_head_what_fits(checkpoint):
    model = build()
    drawn = {name: value.clone() for name, value in model.state_dict().items()}

    assert load_start(model, checkpoint) == []

    state, expected = (
        model.state_dict(),
        build_official("mobilenet_v2", output_stride=16).state_dict(),
    )
    taken = [
        name for name in expected if name.startswith(("encoder.", "decoder.context.image_pool."))
    ]
    taken += [name for name in expected if name.startswith("decoder.context.branches.0.")]
    assert_equal_states(state, expected, taken)
    # Five branches meet in our projection, two in the published one; we have other classes too.
    left = [name for name in state if name.startswith(("classifier.", "decoder.context.project."))]
    assert_equal_states(state, drawn, left)


def test_a_model_of_the_same_shape_is_taken_to_the_last_tensor(checkpoint):
    same = {"num_classes": 21, "decoder": "deeplabv3", "atrous_rates": ()}
    model = build(**same, align_corners=True, padding="same")

    load_start(model, checkpoint)

    expected = build_official("mobilenet_v2", output_stride=16).state_dict()
    assert_equal_states(model.state_dict(), expected, expected)


def test_an_imagenet_encoder_leaves_its_classifier_behind(imagenet):
    model = build()

    load_start(model, imagenet)

    expected = build_official("mobilenet_v2", output_stride=16).encoder.state_dict()
    assert_equal_states(model.encoder.state_dict(), expected, expected)


def test_another_encoder_is_refused_with_what_the_weights_are_for(checkpoint):
    with torch.device("meta"):
        model = build(encoder="resnet18")

    with pytest.raises(WeightsError, match=r"30000: .* weights are for the encoder 'mobilenetv2'"):
        load_start(model, checkpoint)


def test_values_without_a_place_are_named(published, tmp_path):
    strange = {"MobilenetV2/attention/weights": np.zeros((1, 1, 2, 2), np.float32)}
    prefix = write_tf_checkpoint(tmp_path / "model.ckpt", published | strange)

    with pytest.raises(WeightsError, match=r"1 of its values .*MobilenetV2/attention/weights"):
        load_start(build(), prefix)


def test_checkpoints_of_other_networks_are_refused(tmp_path):
    prefix = write_tf_checkpoint(tmp_path / "m", {"bert/x": np.zeros(2, np.float32)})

    with pytest.raises(WeightsError, match="none of the released DeepLab networks"):
        load_start(build(), prefix)


def test_a_prefix_that_is_no_file_is_found(checkpoint):
    assert find_start(str(checkpoint)) == checkpoint
