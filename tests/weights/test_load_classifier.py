import sys

import numpy as np
import pytest
import torch

import atrous
from atrous.errors import ConfigError, WeightsError
from atrous.models.classifier import build_classifier
from atrous.models.config import ClassifierConfig
from atrous.weights.load_classifier import class_names, classifier_card
from atrous.weights.model_file import load_model, save_model


@pytest.fixture
def saved(tmp_path):
    """A small classifier and its file."""
    torch.manual_seed(0)
    config = ClassifierConfig(encoder="mobilenetv2_035", num_classes=3)
    model = build_classifier(config).eval()
    card = classifier_card("small", 3, config.model_dump(mode="json"), license="CC0-1.0")
    save_model(tmp_path / "small.safetensors", model, card)
    return model, tmp_path / "small.safetensors"


def test_a_saved_classifier_gives_the_same_probabilities(saved, color_picture):
    _, path = saved

    found = atrous.load_classifier(path).predict(color_picture)
    again = atrous.load_classifier(str(path), names=["a", "b", "c"]).predict(color_picture)

    assert found.names == ("class 0", "class 1", "class 2")
    assert again.names == ("a", "b", "c")
    np.testing.assert_array_equal(found.probabilities, again.probabilities)
    assert found.probabilities.sum() == pytest.approx(1, abs=1e-6)


def test_names_that_do_not_fit_are_refused(saved):
    with pytest.raises(ConfigError, match="has 3 classes, 2 are named"):
        atrous.load_classifier(saved[1], names=["a", "b"])


def test_a_classifier_is_not_taken_for_a_segmenter_nor_the_other_way_round(saved, tmp_path):
    with pytest.raises(WeightsError, match=r"for classification, not seg.*atrous\.load_classifier"):
        load_model(saved[1])

    config = atrous.ModelConfig(encoder="mobilenetv2_035", num_classes=2, decoder_channels=8)
    card = atrous.load().card.model_copy(update={"architecture": config.model_dump(mode="json")})
    save_model(tmp_path / "s.safetensors", atrous.build_model(config), card)
    with pytest.raises(WeightsError, match=r"for segmentation, not classification.*atrous\.load$"):
        atrous.load_classifier(tmp_path / "s.safetensors")


def test_other_files_are_refused_with_what_is_read(tmp_path):
    with pytest.raises(WeightsError, match=r"x\.pkl: classifiers are .*\.safetensors.*\.keras"):
        atrous.load_classifier(tmp_path / "x.pkl")


def test_a_thousand_classes_have_imagenets_names():
    pytest.importorskip("torchvision", reason="torchvision knows the names of ImageNet's classes")

    names = class_names(1000)

    # The first and last of the list that every ImageNet classifier shares.
    assert (names[0], names[-1]) == ("tench", "toilet tissue")
    assert class_names(1001) == ("background", *names)


def test_without_torchvision_classes_are_numbered(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.models", None)

    assert class_names(1000)[:2] == ("class 0", "class 1")
