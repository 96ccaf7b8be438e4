"""The small networks do what their dials say."""

import pytest
import torch

from experiments.network import Module, SmallXceptionClassifier, SmallXceptionEncoder


def test_without_residual_connections_only_the_convolutions_remain():
    module = Module(8, 8, convs=2, residual=False).eval()
    x = torch.randn(2, 8, 6, 6)

    assert torch.equal(module(x), module.body(x))


def test_a_residual_module_without_weights_passes_its_input_on():
    module = Module(8, 8, convs=2).eval()
    for parameter in module.parameters():
        torch.nn.init.zeros_(parameter)
    x = torch.randn(2, 8, 6, 6)

    assert torch.equal(module(x), x)


@pytest.mark.parametrize(("segments", "weights"), [(1, 9 * 6 * 6), (3, 9 * 6 * 2), (6, 9 * 6)])
def test_segments_share_no_weights(segments, weights):
    module = Module(6, 6, convs=1, segments=segments, order="pointwise_first")

    assert module.body[1].spatial.weight.numel() == weights


def test_an_activation_adds_no_weights_and_changes_the_logits():
    plain = SmallXceptionClassifier(num_classes=3).eval()
    bent = SmallXceptionClassifier(num_classes=3, activation="relu").eval()
    bent.load_state_dict(plain.state_dict())
    images = torch.randn(2, 3, 32, 32)

    assert not torch.allclose(plain(images), bent(images), atol=1e-3)


def test_the_encoder_keeps_its_promise_of_sizes():
    encoder = SmallXceptionEncoder()
    features = encoder(torch.randn(1, 3, 96, 64))

    assert [tuple(map_.shape[1:]) for map_ in features] == [
        (spec.channels, 96 // spec.stride, 64 // spec.stride) for spec in encoder.feature_specs
    ]
