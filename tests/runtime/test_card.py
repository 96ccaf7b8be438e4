import pytest

from atrous.errors import WeightsError
from atrous.runtime.card import read_card
from known_network import CARD


def test_a_card_survives_its_way_through_a_file():
    assert read_card(CARD.to_json(), where="m.onnx") == CARD


def test_unknown_keys_are_refused_so_that_no_newer_card_is_misread():
    text = CARD.to_json().replace("{", '{"invented": 1, ', 1)

    with pytest.raises(WeightsError, match=r"m\.onnx"):
        read_card(text, where="m.onnx")


def test_a_card_of_megabytes_is_refused_before_it_is_parsed():
    with pytest.raises(WeightsError, match="too many to be real"):
        read_card(" " * (2 << 20), where="m.onnx")
