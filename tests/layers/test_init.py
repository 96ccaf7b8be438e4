import pytest
import torch
from torch import nn

from atrous.layers.conv import ConvNormAct, SeparableConv
from atrous.layers.init import init_classifier, init_encoder, init_head


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def test_an_encoder_keeps_the_size_of_what_passes_a_relu():
    layers = nn.Sequential(
        nn.Conv2d(64, 64, 3, padding=1, groups=64, bias=False),
        nn.Conv2d(64, 256, 1, bias=False),
    )
    init_encoder(layers)
    x = torch.randn(1, 64, 40, 40)

    inner = layers[0](x)[..., 1:-1, 1:-1]
    assert inner.square().mean().item() == pytest.approx(2, rel=0.15)
    outer = layers[1](x.relu())
    assert outer.square().mean().item() == pytest.approx(1, rel=0.15)


def test_separable_halves_of_the_head_are_drawn_as_in_the_released_code():
    layer = SeparableConv(512, 256)
    init_head(layer)

    # A normal distribution cut at two standard deviations keeps 0.88 of its deviation.
    assert layer.depthwise.conv.weight.std().item() == pytest.approx(0.88 * 0.33, rel=0.05)
    assert layer.depthwise.conv.weight.abs().max() <= 0.66
    assert layer.pointwise.conv.weight.std().item() == pytest.approx(0.88 * 0.06, rel=0.05)
    assert layer.pointwise.conv.weight.abs().max() <= 0.12


def test_dense_convolutions_of_the_head_are_drawn_from_xavier():
    layer = ConvNormAct(64, 32)
    init_head(layer)

    bound = (6 / (64 + 32)) ** 0.5
    assert layer.conv.weight.abs().max().item() == pytest.approx(bound, rel=0.01)
    assert layer.conv.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.05)


def test_an_untrained_classifier_has_no_favourite():
    classifier = nn.Conv2d(256, 21, 1)
    init_classifier(classifier)

    assert classifier.bias.tolist() == [0.0] * 21
    assert classifier.weight.std().item() == pytest.approx(0.88 * 0.01, rel=0.05)
