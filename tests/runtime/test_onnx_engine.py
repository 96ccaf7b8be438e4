import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atrous.errors import ResourceError, WeightsError
from atrous.runtime.onnx_engine import OnnxEngine
from known_network import CARD, write_known_network


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"not a model at all", "not a model that ONNX Runtime can open"),
        (b"<!DOCTYPE html><html></html>", "not a model that ONNX Runtime can open"),
    ],
)
def test_files_that_are_no_models_are_refused(tmp_path, content, reason):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)

    with pytest.raises(WeightsError, match=reason):
        OnnxEngine(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"nowhere\.onnx: no such model file"):
        OnnxEngine(tmp_path / "nowhere.onnx")


@settings(max_examples=60, deadline=None)
@given(place=st.floats(0, 1), value=st.integers(0, 255), cut=st.booleans())
def test_damaged_models_are_refused_or_work_but_never_crash(
    tmp_path_factory, known_network, place, value, cut
):
    content = bytearray(known_network.read_bytes())
    index = int(place * (len(content) - 1))
    content[index] = value
    path = tmp_path_factory.mktemp("damaged") / "model.onnx"
    path.write_bytes(content[:index] if cut else content)

    try:
        logits = OnnxEngine(path).run(np.zeros((1, 3, 8, 8), np.float32))
    except (WeightsError, ResourceError):
        return
    assert logits.ndim == 4


def test_a_model_that_does_not_describe_itself_is_refused(tmp_path):
    path = write_known_network(tmp_path / "m.onnx", card=None)

    with pytest.raises(WeightsError, match="does not say what its classes"):
        OnnxEngine(path)


@pytest.mark.parametrize(
    "card", ["{", "[]", '{"format": "atrous/9"}', CARD.to_json().replace('"red"', '"green"')]
)
def test_a_card_that_makes_no_sense_is_refused(tmp_path, card):
    path = write_known_network(tmp_path / "m.onnx", card=card)

    with pytest.raises(WeightsError, match="cannot be understood"):
        OnnxEngine(path)


def test_a_network_with_another_input_is_refused(tmp_path):
    path = write_known_network(tmp_path / "m.onnx", input_name="pixels")

    with pytest.raises(WeightsError, match="expected one float input 'images'"):
        OnnxEngine(path)


def test_a_card_with_another_number_of_classes_is_refused(tmp_path):
    card = CARD.model_copy(update={"classes": ("a", "b"), "palette": ((0, 0, 0), (1, 1, 1))})

    with pytest.raises(WeightsError, match=r"'logits' \(B, 2, h, w\)"):
        OnnxEngine(write_known_network(tmp_path / "m.onnx", card=card))
