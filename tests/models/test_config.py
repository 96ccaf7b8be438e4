import pytest
from pydantic import ValidationError

from atrous.errors import ConfigError
from atrous.models.config import ModelConfig, model_config_from


def test_values_that_fit_become_a_config():
    config = model_config_from({"num_classes": 21, "atrous_rates": [6, 12]})

    assert config == ModelConfig(num_classes=21, atrous_rates=(6, 12))


def test_a_config_that_was_written_is_read_as_it_was():
    config = ModelConfig(num_classes=5, encoder="xception", output_stride=8, atrous_rates=())

    assert model_config_from(config.model_dump(mode="json")) == config


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({}, "num_classes is missing"),
        ({"num_classes": 1}, "num_classes: .*greater than or equal to 2, not 1"),
        ({"num_classes": 2, "output_stride": 4}, "output_stride: .*8, 16 or 32, not 4"),
        ({"num_classes": 2, "encodr": "x"}, "unknown key 'encodr'; did you mean 'encoder'?"),
        ({"num_classes": 2, "zzz": 1}, "unknown key 'zzz'; known: encoder, decoder, num_classes"),
        ({"num_classes": 2, "decoder": "unet"}, "decoder: .*'deeplabv3' or 'lraspp', not"),
        ({"num_classes": 2, "atrous_rates": [6, 0]}, "atrous_rates.1: .*equal to 1, not 0"),
        ({"num_classes": 2, "decoder_channels": 10**9}, "decoder_channels: .*equal to 4096"),
        ({"num_classes": 1, "in_channels": 0}, "num_classes: .*; in_channels: .*"),
    ],
)
def test_wrong_values_are_told_in_a_sentence(values, sentence):
    with pytest.raises(ConfigError, match=sentence) as caught:
        model_config_from(values)

    assert "\n" not in str(caught.value)


def test_a_config_does_not_change():
    config = ModelConfig(num_classes=2)

    with pytest.raises(ValidationError, match="frozen"):
        config.num_classes = 3
