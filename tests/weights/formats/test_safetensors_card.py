import json

import pytest
import torch
from safetensors.torch import save_file

from atrous.errors import WeightsError
from atrous.runtime.card import CARD_KEY, ModelCard
from atrous.weights.formats.safetensors_card import read_safetensors_card

CARD = ModelCard(name="mine", classes=("a", "b"), palette=((0, 0, 0), (9, 9, 9)))


def written(path, header):
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(content).to_bytes(8, "little") + content)
    return path


def test_the_card_is_the_one_that_was_saved(tmp_path):
    path = tmp_path / "m.safetensors"
    save_file({"x": torch.zeros(3)}, path, metadata={CARD_KEY: CARD.to_json()})

    assert read_safetensors_card(path) == CARD


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({}, "it was not made by atrous"),
        ({"x": {}}, "not a whole safetensors file"),
        ({"x": {"data_offsets": [0, "9"]}}, "not a whole safetensors file"),
        ({"x": {"data_offsets": [0, 9]}}, "9 bytes are missing"),
        ({"__metadata__": {CARD_KEY: 3}}, "it was not made by atrous"),
        ({"__metadata__": {CARD_KEY: "{"}}, "its description cannot be understood"),
        ({"__metadata__": [1]}, "not a whole safetensors file"),
        ([1, 2], "not a whole safetensors file"),
        (b"{", "not a whole safetensors file"),
        (b"\xff", "not a whole safetensors file"),
        (b"[" * 200_000, "not a whole safetensors file"),
    ],
)
def test_damaged_headers_are_refused_with_the_files_name(header, reason, tmp_path):
    path = written(tmp_path / "m.safetensors", header)

    with pytest.raises(WeightsError, match=rf"m\.safetensors: .*{reason}"):
        read_safetensors_card(path)


def test_a_header_that_claims_too_much_is_refused_before_it_is_read(tmp_path):
    (tmp_path / "m.safetensors").write_bytes(b"\xff" * 8)

    with pytest.raises(WeightsError, match="too many to be real"):
        read_safetensors_card(tmp_path / "m.safetensors")


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(WeightsError, match="cannot be read"):
        read_safetensors_card(tmp_path / "m.safetensors")
