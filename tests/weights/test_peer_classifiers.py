import numpy as np
import pytest
import torch
from PIL import Image

import atrous
from atrous.errors import WeightsError
from atrous.models.classifier import build_classifier
from atrous.models.config import ClassifierConfig
from atrous.weights.convert import convert
from atrous.weights.peers.backbones import resnet_layers
from atrous.weights.peers.classifiers import encoder_values, find_kind, load_peer_classifier
from atrous.weights.peers.xceptions import legacy_xception_layers


def build(encoder, num_classes=3):
    torch.manual_seed(0)
    return build_classifier(ClassifierConfig(encoder=encoder, num_classes=num_classes)).eval()


def renamed(model, layers, head):
    """A classifier's tensors by the names of another package."""
    theirs = {ours: name for name, ours in layers.items()} | {"classifier": head}
    parts = ((name.rpartition("."), tensor) for name, tensor in model.state_dict().items())
    return {f"{theirs[layer]}.{leaf}": tensor for (layer, _, leaf), tensor in parts}


def resnet18():
    model = build("resnet18_v1_5")
    return model, renamed(model, resnet_layers("resnet18_v1_5", ""), "fc")


def test_a_resnet_is_read_whole(tmp_path):
    model, state = resnet18()
    torch.save(state, tmp_path / "a.pth")

    found, config, preprocessing = load_peer_classifier(tmp_path / "a.pth")

    images = torch.randn(2, 3, 40, 33)
    assert (config.encoder, config.num_classes) == ("resnet18_v1_5", 3)
    assert preprocessing.center_crop == 224
    torch.testing.assert_close(found(images), model(images), rtol=0, atol=0)


def test_it_names_pictures_at_once(tmp_path):
    torch.save(resnet18()[1], tmp_path / "a.pth")
    picture = Image.new("RGB", (40, 30), (200, 30, 30))

    found = atrous.load_classifier(tmp_path / "a.pth", names=["a", "b", "c"]).predict(picture)

    assert found.names == ("a", "b", "c")
    assert found.probabilities.sum() == pytest.approx(1, abs=1e-6)


def test_norms_of_another_epsilon_compute_the_same(tmp_path):
    ours = build("xception")
    names = legacy_xception_layers()
    state = {name: t.numpy() for name, t in renamed(ours, names, "last_linear").items()}
    state["bn4.running_var"] = np.linspace(0, 0.01, 2048, dtype=np.float32)
    kind = find_kind(state)

    _, found = encoder_values(kind, state)

    norm = "encoder.exit.2.pointwise.norm"
    variance = state["bn4.running_var"]
    expected = state["bn4.weight"] / np.sqrt(variance + 1e-5)  # as timm builds them
    scaled = found[f"{norm}.weight"] / np.sqrt(found[f"{norm}.running_var"] + 1e-3)
    np.testing.assert_allclose(scaled, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fc.bias": None}, r"has no fc\.bias"),
        ({"fc.weight": torch.zeros(3, 4)}, r"1 tensors do not fit it \(first: \['classifier\.w"),
        ({"layer1.0.downsample.0.weight": torch.zeros(1)}, r"units\.0\.shortcut\.conv\.weight"),
        ({"bn1.weight": None}, r"first: \['encoder\.root\.0\.norm\.weight'\]"),
        ({"bn9.weight": torch.zeros(1)}, r"have no place there \(first: \['bn9\.weight'\]"),
        ({"fc.bias": torch.zeros(())}, r"fc\.bias has shape \[\]"),
        ({"fc.bias": torch.zeros(1), "fc.weight": torch.zeros(1, 512)}, "num_classes"),
    ],
)
def test_what_does_not_fit_is_refused_with_names(change, reason, tmp_path):
    state = {name: t for name, t in (resnet18()[1] | change).items() if t is not None}
    torch.save(state, tmp_path / "a.pth")

    with pytest.raises(WeightsError, match=rf"a\.pth: .*{reason}"):
        load_peer_classifier(tmp_path / "a.pth")


def test_a_classifier_is_not_converted_but_pointed_to_its_reader(tmp_path):
    torch.save(resnet18()[1], tmp_path / "a.pth")

    with pytest.raises(WeightsError, match=r"a\.pth: is a classifier .*atrous\.load_classifier"):
        convert(tmp_path / "a.pth")


def test_other_networks_are_refused(tmp_path):
    torch.save({"x": torch.zeros(1)}, tmp_path / "a.pth")

    with pytest.raises(WeightsError, match=r"a\.pth: none of the classifiers .*\['x'\]"):
        atrous.load_classifier(tmp_path / "a.pth")


def test_norms_without_statistics_are_refused(tmp_path):
    state = {name: t for name, t in resnet18()[1].items() if ".running_" not in name}
    torch.save(state, tmp_path / "a.pth")

    with pytest.raises(WeightsError, match=r"a\.pth: .*no statistics of its norms"):
        load_peer_classifier(tmp_path / "a.pth")


def test_weights_that_are_not_finite_are_refused(tmp_path):
    state = resnet18()[1] | {"bn1.bias": torch.full((64,), torch.nan)}
    torch.save(state, tmp_path / "a.pth")

    with pytest.raises(WeightsError, match="holds values that are not finite"):
        load_peer_classifier(tmp_path / "a.pth")
