import pytest
import torch

from atrous.encoders import ENCODERS, Encoder, FeatureSpec
from atrous.errors import ConfigError
from atrous.models.build import build_model
from atrous.models.config import ModelConfig


def build_without_values(**settings):
    with torch.device("meta"):
        return build_model(ModelConfig(**settings))


@pytest.mark.parametrize(
    ("settings", "parameters"),
    [
        ({"encoder": "xception41"}, 28_108_661),
        ({"encoder": "xception65"}, 41_055_413),
        ({"encoder": "xception71"}, 43_477_837),
        ({"encoder": "xception65", "separable": False}, 54_711_461),
        ({"encoder": "xception65", "separable": False, "decoder": "deeplabv3"}, 53_407_813),
        ({"encoder": "mobilenetv2", "decoder": "deeplabv3", "atrous_rates": ()}, 2_113_557),
        ({"encoder": "mobilenetv2_050", "decoder": "deeplabv3", "atrous_rates": ()}, 697_013),
    ],
    ids=str,
)
def test_networks_are_as_large_as_the_official_ones(settings, parameters):
    model = build_without_values(num_classes=21, **settings)

    assert sum(parameter.numel() for parameter in model.parameters()) == parameters


@pytest.mark.parametrize(
    ("output_stride", "rates"), [(32, [3, 6, 9]), (16, [6, 12, 18]), (8, [12, 24, 36])]
)
def test_rates_follow_the_output_stride_unless_they_are_given(output_stride, rates):
    following = build_without_values(num_classes=2, output_stride=output_stride)
    given = build_without_values(num_classes=2, output_stride=output_stride, atrous_rates=(5,))

    assert rates_of(following) == rates
    assert rates_of(given) == [5]


def rates_of(model):
    return [branch.depthwise.conv.dilation[0] for branch in model.decoder.context.branches[1:]]


@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_encoder_can_be_built_with_tensorflow_s_padding(encoder):
    build_without_values(encoder=encoder, num_classes=2, padding="same")


def test_padding_reaches_the_encoder():
    same = build_without_values(encoder="mobilenetv2", num_classes=2, padding="same")
    symmetric = build_without_values(encoder="mobilenetv2", num_classes=2)

    assert same.encoder.root.conv.padding == (0, 0)
    assert symmetric.encoder.root.conv.padding == (1, 1)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("xception56", "unknown encoder 'xception56'; did you mean 'xception65'?"),
        ("vgg", "unknown encoder 'vgg'; known: mobilenetv2, .*, xception71"),
    ],
)
def test_an_unknown_encoder_is_told_with_what_there_is(name, sentence):
    with pytest.raises(ConfigError, match=sentence):
        build_model(ModelConfig(encoder=name, num_classes=2))


class Shrink(Encoder):
    """An encoder of somebody else's."""

    feature_specs = (FeatureSpec(3, 4), FeatureSpec(3, 16))

    def forward(self, images):
        return images[..., ::4, ::4], images[..., ::16, ::16]


def test_an_encoder_of_one_s_own_is_built_by_its_name():
    def build_mine(*, output_stride, in_channels):
        assert (output_stride, in_channels) == (16, 3)
        return Shrink()

    config = ModelConfig(encoder="mine", num_classes=2, decoder_channels=4)
    model = build_model(config, encoders=ENCODERS | {"mine": build_mine}).eval()

    assert isinstance(model.encoder, Shrink)
    assert model(torch.randn(1, 3, 33, 47)).isfinite().all()


@pytest.mark.parametrize("encoder", ["mobilenetv2", "xception"])
def test_multi_grid_is_refused_where_there_is_no_place_for_it(encoder):
    with pytest.raises(ConfigError, match=r"multi_grid \(1, 2, 4\) has no place in"):
        build_without_values(encoder=encoder, num_classes=2, multi_grid=(1, 2, 4))


def test_multi_grid_reaches_the_encoder():
    model = build_without_values(encoder="resnet50_beta", num_classes=2, multi_grid=(1, 2, 4))

    assert [unit.convs[1].conv.dilation[0] for unit in model.encoder.units[-3:]] == [2, 4, 8]


@pytest.mark.parametrize(
    ("settings", "kernels"),
    [
        ({"aspp_convs": 1}, [(8, 1, 3, 3), (8, 8, 1, 1)]),
        ({"aspp_convs": 2, "decoder_separable": False}, [(8, 8, 3, 3)] * 2),
        ({"aspp_convs": 0}, []),
    ],
)
def test_convolutions_behind_aspp_are_kin_to_the_decoder_s(settings, kernels):
    config = ModelConfig(encoder="mobilenetv2_035", num_classes=2, decoder_channels=8, **settings)

    behind = build_model(config).decoder.context.behind
    assert [tuple(p.shape) for p in behind.parameters() if p.ndim == 4] == kernels


def test_a_dense_prediction_cell_takes_nothing_that_is_for_aspp():
    config = ModelConfig(encoder="mobilenetv2_035", num_classes=2, context="dpc", aspp_convs=1)

    with pytest.raises(ConfigError, match="aspp_convs are for ASPP"):
        build_model(config)


def test_bare_separable_convolutions_are_in_aspp_and_decoder():
    config = ModelConfig(encoder="mobilenetv2_035", num_classes=2, bare_separable=True)

    names = build_model(config).decoder.state_dict()
    assert not [name for name in names if ".depthwise.norm." in name]


def test_where_rates_change_reaches_the_encoder():
    config = ModelConfig(
        encoder="mobilenetv2_035", num_classes=2, output_stride=16, rate_change="at_unit"
    )

    blocks = build_model(config).encoder.blocks
    assert blocks[13].depthwise.conv.dilation == (2, 2)


@pytest.mark.parametrize("encoder", ["xception", "resnet18", "resnet50_beta"])
def test_a_change_of_rates_is_refused_where_nobody_has_one(encoder):
    config = ModelConfig(encoder=encoder, num_classes=2, rate_change="at_unit")

    with pytest.raises(ConfigError, match="'at_unit' has no place in"):
        build_model(config)
