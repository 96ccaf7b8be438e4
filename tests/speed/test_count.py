"""Multiply-adds from the file against torch's own count."""

import pytest
import torch

from atrous.errors import WeightsError
from atrous.export.onnx import export_onnx
from atrous.layers.count import count_multiply_adds as count_in_torch
from atrous.models.build import build_model
from atrous.models.config import ModelConfig
from atrous.runtime.card import ModelCard
from atrous.speed.count import count_multiply_adds
from atrous.weights.model_file import save_model

CONFIG = ModelConfig(encoder="mobilenetv2_035", num_classes=3, decoder_channels=16)
CARD = ModelCard(
    name="mobile",
    classes=("a", "b", "c"),
    palette=((0, 0, 0), (9, 9, 9), (99, 99, 99)),
    architecture=CONFIG.model_dump(mode="json"),
)


@pytest.mark.parametrize("ending", [".onnx", ".safetensors"])
def test_files_are_counted_as_their_networks_are(tmp_path, ending):
    torch.manual_seed(0)
    network = build_model(CONFIG).eval()
    write = (
        export_onnx if ending == ".onnx" else lambda net, card, path: save_model(path, net, card)
    )
    path = tmp_path / f"m{ending}"
    write(network, CARD, path)

    expected = count_in_torch(network, 1, 3, 65, 97)
    assert count_multiply_adds(path, (1, 3, 65, 97)) == expected


def test_a_count_by_hand(known_network):
    # A 1x1 convolution of 3 channels to 3, at every pixel.
    assert count_multiply_adds(known_network, (1, 3, 10, 20)) == 10 * 20 * 9


def test_a_damaged_file_is_refused_with_its_name(tmp_path):
    (tmp_path / "damaged.onnx").write_bytes(b"\x00" * 64)

    with pytest.raises(WeightsError, match=r"damaged\.onnx"):
        count_multiply_adds(tmp_path / "damaged.onnx", (1, 3, 10, 20))
