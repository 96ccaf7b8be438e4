"""Multiply-adds from the file against torch's own count."""

import pytest

from atrous.errors import WeightsError
from atrous.layers.count import count_multiply_adds as count_in_torch
from atrous.models.build import build_model
from atrous.models.config import ModelConfig, model_config_from
from atrous.models.summary import build_empty
from atrous.runtime.card import ModelCard
from atrous.speed.count import count_multiply_adds
from atrous.weights.load import find_model, load
from atrous.weights.model_file import save_model

CONFIG = ModelConfig(encoder="mobilenetv2_035", num_classes=3, decoder_channels=16)
CARD = ModelCard(
    name="mobile",
    classes=("a", "b", "c"),
    palette=((0, 0, 0), (9, 9, 9), (99, 99, 99)),
    architecture=CONFIG.model_dump(mode="json"),
)


def test_an_onnx_file_is_counted_as_its_network_is():
    shipped = find_model("camvid")
    network = build_empty(model_config_from(load(shipped).card.architecture))

    expected = count_in_torch(network, 1, 3, 65, 97)
    assert count_multiply_adds(shipped, (1, 3, 65, 97)) == expected


def test_a_safetensors_file_is_counted_as_its_network_is(tmp_path):
    network = build_model(CONFIG).eval()
    save_model(tmp_path / "m.safetensors", network, CARD)

    expected = count_in_torch(network, 1, 3, 65, 97)
    assert count_multiply_adds(tmp_path / "m.safetensors", (1, 3, 65, 97)) == expected


def test_a_count_by_hand(known_network):
    # A 1x1 convolution of 3 channels to 3, at every pixel.
    assert count_multiply_adds(known_network, (1, 3, 10, 20)) == 10 * 20 * 9


def test_a_damaged_file_is_refused_with_its_name(tmp_path):
    (tmp_path / "damaged.onnx").write_bytes(b"\x00" * 64)

    with pytest.raises(WeightsError, match=r"damaged\.onnx"):
        count_multiply_adds(tmp_path / "damaged.onnx", (1, 3, 10, 20))
