import re

import pytest
import torch
from safetensors.torch import load_file, save_file

from atrous.errors import ResourceError, WeightsError
from atrous.models.build import build_model
from atrous.models.config import ModelConfig
from atrous.runtime.card import CARD_KEY, ModelCard
from atrous.weights.model_file import load_model, save_model

CONFIG = ModelConfig(encoder="mobilenetv2_035", num_classes=2, output_stride=32, decoder_channels=8)


def card_of(**architecture):
    return ModelCard(
        name="small",
        classes=("wall", "door"),
        palette=((0, 0, 0), (255, 0, 0)),
        architecture=CONFIG.model_dump(mode="json") | architecture,
    )


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build_model(CONFIG).eval()


@pytest.fixture
def saved(model, tmp_path):
    path = tmp_path / "small.safetensors"
    save_model(path, model, card_of())
    return path


def test_a_model_comes_back_with_its_card_and_its_logits(model, saved):
    loaded, card = load_model(saved)
    images = torch.randn(1, 3, 33, 47)

    assert card == card_of()
    assert not loaded.training
    assert torch.equal(loaded(images), model(images))


def test_a_model_in_channels_last_is_written_as_any_other(model, tmp_path):
    path = tmp_path / "small.safetensors"
    save_model(path, build_model(CONFIG).to(memory_format=torch.channels_last), card_of())

    assert load_model(path)[1].name == "small"


def test_a_model_of_half_precision_is_loaded_in_full(model, saved, tmp_path):
    half = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in load_file(saved).items()
    }
    path = tmp_path / "half.safetensors"
    save_file(half, path, metadata={CARD_KEY: card_of().to_json()})

    assert {parameter.dtype for parameter in load_model(path)[0].parameters()} == {torch.float32}


def test_a_file_that_is_there_is_not_replaced_unless_asked(model, saved):
    with pytest.raises(ResourceError, match=r"small\.safetensors: is there already"):
        save_model(saved, model, card_of())

    save_model(saved, model, card_of(), overwrite=True)


@pytest.mark.parametrize("kept", [0, 7, 8, 100, 0.5, 0.999])
def test_a_truncated_file_is_refused(saved, kept):
    content = saved.read_bytes()
    saved.write_bytes(content[: kept if isinstance(kept, int) else int(len(content) * kept)])

    with pytest.raises(WeightsError, match=r"small\.safetensors: not a whole safetensors file"):
        load_model(saved)


@pytest.mark.parametrize(
    "content", [b"garbage" * 99, b"\xff" * 64, b"\x08" + bytes(7) + b"{}      "]
)
def test_garbage_is_refused_with_its_name(content, tmp_path):
    path = tmp_path / "small.safetensors"
    path.write_bytes(content)

    with pytest.raises(WeightsError, match=r"small\.safetensors: "):
        load_model(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.safetensors: no such model file"):
        load_model(tmp_path / "none.safetensors")


def test_weights_without_a_card_are_refused(model, tmp_path):
    path = tmp_path / "small.safetensors"
    save_file({"weight": torch.zeros(1)}, path)

    with pytest.raises(WeightsError, match=r"small\.safetensors: does not say what its classes"):
        load_model(path)


@pytest.mark.parametrize(
    ("architecture", "sentence"),
    [
        ({"num_classes": 3}, "2 tensors do not fit .* classifier.bias, classifier.weight"),
        ({"decoder": "deeplabv3"}, "tensors do not fit .* decoder.stages.0.fuse"),
        ({"encoder": "xception99"}, "cannot be built .unknown encoder 'xception99'"),
        ({"encoder": 7}, "cannot be built .encoder: "),
        ({"output_stride": 5}, "cannot be built .output_stride: .* 8, 16 or 32, not 5"),
        ({"colour": "red"}, "cannot be built .unknown key 'colour'"),
        ({"decoder_channels": 10**12}, "cannot be built .decoder_channels: .* 4096"),
    ],
    ids=str,
)
def test_tensors_that_do_not_fit_their_card_are_refused(model, architecture, sentence, tmp_path):
    path = tmp_path / "small.safetensors"
    save_model(path, model, card_of(**architecture))

    with pytest.raises(WeightsError, match=rf"{re.escape(str(path))}: .*{sentence}"):
        load_model(path)


def test_nothing_is_unpickled(tmp_path):
    path = tmp_path / "small.safetensors"
    torch.save({"weight": Bomb(tmp_path / "gone-off")}, path)

    with pytest.raises(WeightsError, match="not a whole safetensors file"):
        load_model(path)

    assert not (tmp_path / "gone-off").exists()


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (self.path.touch, ())
