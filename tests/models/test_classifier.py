import numpy as np
import pytest
import torch

from atrous.errors import ConfigError
from atrous.models.classifier import PictureClassifier, build_classifier
from atrous.models.config import ClassifierConfig
from atrous.runtime.card import ModelCard


def xception(num_classes, **settings):
    settings |= {"num_classes": num_classes, "padding": "same"}
    return build_classifier(ClassifierConfig.model_validate(settings))


def test_a_picture_gets_a_logit_for_each_class():
    model = xception(7).eval()

    with torch.inference_mode():
        assert model(torch.randn(2, 3, 71, 96)).shape == (2, 7)


def test_fully_connected_layers_stand_before_the_regression():
    with torch.device("meta"):
        plain = xception(17_000)
        wide = xception(17_000, fully_connected=(4096, 4096))

    def count(model):
        return sum(p.numel() for p in model.parameters())

    added = (2048 + 1) * 4096 + (4096 + 1) * 4096 + (4096 - 2048) * 17_000
    assert count(wide) - count(plain) == added
    assert [type(part).__name__ for part in wide.hidden[0]] == ["Linear", "ReLU"]


def test_the_root_is_not_padded_as_in_the_paper():
    model = xception(2)

    root = model.encoder.root(torch.randn(1, 3, 71, 72))

    assert root.shape[-2:] == (33, 33)


def test_it_learns():
    torch.manual_seed(0)
    model = xception(3, dropout=0.0).train()

    loss = torch.nn.functional.cross_entropy(model(torch.randn(2, 3, 71, 71)), torch.tensor([0, 2]))
    loss.backward()

    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("encoder", ["xception41", "mobilenetv2_035", "resnet18"])
def test_every_encoder_can_classify(encoder):
    model = build_classifier(ClassifierConfig(encoder=encoder, num_classes=4)).eval()
    images = torch.randn(2, 3, 65, 70)

    with torch.inference_mode():
        pooled = model.encoder(images)[-1].mean((2, 3))
        expected = pooled @ model.classifier.weight.T + model.classifier.bias
        torch.testing.assert_close(model(images), expected)


def test_an_unknown_encoder_is_refused_with_those_that_are_known():
    with pytest.raises(ConfigError, match=r"unknown encoder 'vgg' .*; known: .*xception"):
        build_classifier(ClassifierConfig(encoder="vgg"))


def test_a_picture_is_told_with_names_and_probabilities(color_picture):
    card = ModelCard(task="classification", name="c", classes=("cat", "dog", "gnu"))
    model = xception(3)
    torch.nn.init.zeros_(model.classifier.weight)
    model.classifier.bias.data = torch.tensor([0.0, 2.0, 1.0])

    found = PictureClassifier(model.train(), card).predict(color_picture)

    assert [name for name, _ in found.top(2)] == ["dog", "gnu"]
    odds = np.exp([0, 2, 1])
    np.testing.assert_allclose(found.probabilities, odds / odds.sum(), rtol=1e-5)
