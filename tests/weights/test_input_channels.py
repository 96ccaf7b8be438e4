"""A first convolution for pictures of another number of channels."""

import pytest
import torch

from atrous.encoders import ENCODERS
from atrous.models.build import build_model
from atrous.models.config import ModelConfig
from atrous.runtime.card import ModelCard
from atrous.weights.input_channels import fit_input_channels, spread_input_channels
from atrous.weights.model_file import save_model
from atrous.weights.start import load_start

CONFIG = ModelConfig(encoder="mobilenetv2_035", num_classes=2)
# Sums in 32 bits of the same products, in another order.
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def build(channels):
    torch.manual_seed(channels)
    return build_model(CONFIG.model_copy(update={"in_channels": channels})).eval()


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    model = build(3)
    card = ModelCard(
        name="start",
        classes=("a", "b"),
        palette=((0, 0, 0), (9, 9, 9)),
        architecture=CONFIG.model_dump(),
    )
    path = tmp_path_factory.mktemp("start") / "start.safetensors"
    save_model(path, model, card)
    return path, model


@pytest.mark.parametrize("channels", [1, 2, 4, 12])
def test_equal_channels_give_what_grey_gives_in_the_start(channels, start):
    path, original = start
    model = build(channels)

    load_start(model, path)

    grey = torch.randn(1, 1, 40, 52, generator=torch.Generator().manual_seed(0))
    ours, theirs = (m(grey.expand(1, c, 40, 52)) for m, c in ((model, channels), (original, 3)))
    torch.testing.assert_close(ours, theirs, **CLOSE)


def test_three_channels_are_taken_as_they_are(start):
    path, original = start
    model = build(3)

    load_start(model, path)

    name = "encoder.root.conv.weight"
    assert torch.equal(model.state_dict()[name], original.state_dict()[name])


@pytest.mark.parametrize("name", ENCODERS)
def test_the_first_convolution_of_every_encoder_reads_the_picture(name):
    with torch.device("meta"):
        five = {
            f"encoder.{key}": v for key, v in ENCODERS[name](in_channels=5).state_dict().items()
        }
    first = next(key for key, value in five.items() if value.ndim == 4)
    weights = torch.ones(five[first].shape[0], 3, *five[first].shape[2:]).numpy()

    found = fit_input_channels({first: weights}, five)[first]

    assert found.shape == five[first].shape
    assert found[0].sum() == pytest.approx(weights[0].sum())


def test_a_first_convolution_of_another_size_is_left_to_be_refused():
    state = {"root.weight": torch.zeros(8, 4, 3, 3)}
    values = {"root.weight": torch.zeros(16, 3, 3, 3)}

    assert spread_input_channels(values, state)["root.weight"].shape == (16, 3, 3, 3)
