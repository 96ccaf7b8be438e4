import pytest
import torch

from atrous.decoders import DeepLabV3Decoder, DeepLabV3PlusDecoder
from atrous.errors import ConfigError
from atrous.models.build import build_model
from atrous.models.config import ModelConfig
from atrous.models.habits import DeepLabV3, DeepLabV3Plus


@pytest.mark.parametrize(
    ("build", "decoder"), [(DeepLabV3Plus, DeepLabV3PlusDecoder), (DeepLabV3, DeepLabV3Decoder)]
)
@pytest.mark.parametrize("size", [(33, 47), (65, 34)], ids=str)
def test_every_pixel_of_a_picture_gets_logits(build, decoder, size):
    model = build("mobilenet_v2", classes=5, decoder_channels=8).eval()

    with torch.inference_mode():
        logits = model(torch.randn(1, 3, *size))

    assert isinstance(model.decoder, decoder)
    assert logits.shape == (1, 5, *size)
    assert logits.isfinite().all()


@pytest.mark.parametrize(
    ("build", "name"), [(DeepLabV3Plus, "deeplabv3plus"), (DeepLabV3, "deeplabv3")]
)
def test_the_network_is_that_of_the_config(build, name):
    torch.manual_seed(0)
    model = build("mobilenetv2", 8, 4, 7, decoder_channels=16, decoder_atrous_rates=(2, 3)).eval()
    torch.manual_seed(0)
    config = ModelConfig(
        encoder="mobilenetv2",
        decoder=name,
        output_stride=8,
        in_channels=4,
        num_classes=7,
        decoder_channels=16,
        atrous_rates=(2, 3),
    )
    expected = build_model(config).eval()
    images = torch.randn(1, 4, 33, 33)

    assert torch.equal(model(images), expected(images))


@pytest.mark.parametrize(
    ("spelling", "ours"),
    [
        ("xception_65", "xception65"),
        ("tu-xception71", "xception71"),
        ("xception", "xception"),
        ("mobilenet_v2", "mobilenetv2"),
        ("tu-mobilenetv2_140", "mobilenetv2_140"),
    ],
)
def test_encoders_are_known_by_the_names_they_have_elsewhere(spelling, ours):
    with torch.device("meta"):
        theirs = DeepLabV3Plus(spelling).encoder
        expected = build_model(ModelConfig(encoder=ours, num_classes=21)).encoder

    assert repr(theirs) == repr(expected)


@pytest.mark.parametrize("build", [DeepLabV3Plus, DeepLabV3])
def test_an_unknown_encoder_is_told_with_what_there_is(build):
    with pytest.raises(
        ConfigError, match=r"unknown encoder 'efficientnet_b3'; known: mobilenetv2, "
    ):
        build("efficientnet_b3")


@pytest.mark.parametrize("build", [DeepLabV3Plus, DeepLabV3])
def test_an_output_stride_that_is_not_offered_is_told_with_those_that_are(build):
    with pytest.raises(ConfigError, match=r"output_stride: .* 8, 16 or 32, not 4"):
        build("xception65", 4)


def test_one_class_is_refused_because_background_counts():
    with pytest.raises(ConfigError, match=r"num_classes: .*greater than or equal to 2, not 1"):
        DeepLabV3Plus(classes=1)
