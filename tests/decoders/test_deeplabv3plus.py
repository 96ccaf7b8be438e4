import pytest
import torch
import torch.nn.functional as F

from atrous.decoders import DeepLabV3PlusDecoder
from atrous.encoders import FeatureSpec
from atrous.errors import ConfigError

SPECS = (FeatureSpec(6, 4), FeatureSpec(10, 8), FeatureSpec(12, 16))


@pytest.fixture
def features():
    torch.manual_seed(0)
    return [torch.randn(2, 6, 17, 20), torch.randn(2, 10, 9, 10), torch.randn(2, 12, 5, 5)]


@pytest.mark.parametrize("align_corners", [True, False])
def test_the_context_comes_first_and_is_resized_to_the_fine_map(features, align_corners):
    decoder = DeepLabV3PlusDecoder(
        SPECS, atrous_rates=(1, 2), channels=8, reduced_channels=3, align_corners=align_corners
    ).eval()

    context = F.interpolate(
        decoder.aspp(features[-1]), (17, 20), mode="bilinear", align_corners=align_corners
    )
    fine = F.relu(decoder.reduce.norm(F.conv2d(features[0], decoder.reduce.conv.weight)))
    expected = decoder.fuse[1](decoder.fuse[0](torch.cat([context, fine], 1)))
    torch.testing.assert_close(decoder(features), expected)


def test_the_map_at_stride_4_is_found_wherever_it_is(features):
    decoder = DeepLabV3PlusDecoder(SPECS, atrous_rates=(1,), channels=8).eval()
    finer = DeepLabV3PlusDecoder((FeatureSpec(3, 2), *SPECS), atrous_rates=(1,), channels=8).eval()
    finer.load_state_dict(decoder.state_dict())

    torch.testing.assert_close(finer([torch.randn(2, 3, 34, 40), *features]), decoder(features))


def test_an_encoder_without_a_map_at_stride_4_is_refused():
    with pytest.raises(ConfigError, match=r"needs a map at stride 4; the encoder has \[8, 16\]"):
        DeepLabV3PlusDecoder(SPECS[1:], atrous_rates=(1,))


def test_sizes_are_those_of_the_released_decoder():
    decoder = DeepLabV3PlusDecoder(
        (FeatureSpec(256, 4), FeatureSpec(2048, 16)), atrous_rates=(6, 12, 18)
    )

    def count(module):
        return sum(parameter.numel() for parameter in module.parameters())

    assert count(decoder.aspp) == 3_019_776
    assert count(decoder.reduce) + count(decoder.fuse) == 162_928


def test_dense_convolutions_give_the_larger_network_of_the_paper():
    decoder = DeepLabV3PlusDecoder(
        (FeatureSpec(256, 4), FeatureSpec(2048, 16)), atrous_rates=(6, 12, 18), separable=False
    )

    parameters = sum(parameter.numel() for parameter in decoder.parameters())
    assert parameters == 54_711_461 - 37_867_312 - 5_397  # whole, encoder, logits of 21 classes


def test_norms_of_the_decoder_have_the_smaller_epsilon():
    decoder = DeepLabV3PlusDecoder(SPECS, atrous_rates=(1,))

    norms = [m for m in decoder.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-5, 3e-4)}
