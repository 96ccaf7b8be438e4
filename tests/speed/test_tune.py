"""A model written at another output stride and size."""

import pytest
import torch

from atrous.errors import ConfigError
from atrous.models.build import build_model
from atrous.models.config import ModelConfig
from atrous.runtime.card import ModelCard
from atrous.speed.tune import sides_around, write_at
from atrous.weights.model_file import load_model, save_model

CONFIG = ModelConfig(encoder="mobilenetv2_035", num_classes=3, decoder_channels=16)
CARD = ModelCard(
    name="mobile",
    classes=("a", "b", "c"),
    palette=((0, 0, 0), (9, 9, 9), (99, 99, 99)),
    architecture=CONFIG.model_dump(mode="json"),
    result={"mean_iou": 0.5},
)


@pytest.fixture
def model(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "m.safetensors"
    save_model(path, build_model(CONFIG).eval(), CARD)
    return path


def test_a_model_is_written_at_another_stride_and_size(model, tmp_path):
    out = tmp_path / "finer.safetensors"
    write_at(model, out, output_stride=8, longest_side=300)

    network, card = load_model(out)
    assert card.architecture["output_stride"] == 8
    assert card.preprocessing.longest_side == 300
    assert card.result == {}
    kept = load_model(model)[0].state_dict()
    assert all(torch.equal(value, kept[name]) for name, value in network.state_dict().items())


def test_other_endings_are_refused(model, tmp_path):
    with pytest.raises(ConfigError, match=r"\.onnx or \.safetensors"):
        write_at(model, tmp_path / "m.pt", output_stride=8)


def test_sizes_to_try_are_at_least_what_a_network_can_see():
    assert sides_around(100, (0.1, 0.5, 1, 1)) == [33, 50, 100]
