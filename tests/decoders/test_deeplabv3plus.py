import pytest
import torch
import torch.nn.functional as F

from atrous.decoders import DeepLabV3PlusDecoder
from atrous.encoders import FeatureSpec
from atrous.errors import ConfigError
from atrous.layers.aspp import ASPP
from atrous.layers.pool import MeanPool

SPECS = (FeatureSpec(6, 4), FeatureSpec(10, 8), FeatureSpec(12, 16))
RELEASED = (FeatureSpec(256, 4), FeatureSpec(728, 8), FeatureSpec(2048, 16))


@pytest.fixture
def features():
    torch.manual_seed(0)
    return [torch.randn(2, 6, 17, 20), torch.randn(2, 10, 9, 10), torch.randn(2, 12, 5, 5)]


def build(specs=SPECS, **settings):
    context = ASPP(specs[-1].channels, 8, atrous_rates=(1, 2), image_pool=MeanPool())
    return DeepLabV3PlusDecoder(specs, context, channels=8, **settings).eval()


def build_released(**settings):
    separable = settings.get("separable", True)
    context = ASPP(2048, atrous_rates=(6, 12, 18), separable=separable, image_pool=MeanPool())
    return DeepLabV3PlusDecoder(RELEASED, context, **settings)


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("align_corners", [True, False])
def test_the_context_comes_first_and_is_resized_to_the_fine_map(features, align_corners):
    decoder = build(reduced_channels=3, align_corners=align_corners)
    stage = decoder.stages[0]

    context = F.interpolate(
        decoder.context(features[-1]), (17, 20), mode="bilinear", align_corners=align_corners
    )
    fine = F.relu(stage.reduce.norm(F.conv2d(features[0], stage.reduce.conv.weight)))
    expected = stage.fuse[1](stage.fuse[0](torch.cat([context, fine], 1)))
    torch.testing.assert_close(decoder(features), expected)


def test_the_map_at_stride_4_is_found_wherever_it_is(features):
    decoder = build()
    finer = build((FeatureSpec(3, 2), *SPECS))
    finer.load_state_dict(decoder.state_dict())

    torch.testing.assert_close(finer([torch.randn(2, 3, 34, 40), *features]), decoder(features))


def test_stages_are_chained_from_coarse_to_fine(features):
    decoder = build(strides=(8, 4))

    coarse = decoder.stages[0](decoder.context(features[-1]), features[1])
    assert coarse.shape[-2:] == features[1].shape[-2:]
    torch.testing.assert_close(decoder(features), decoder.stages[1](coarse, features[0]))


def test_the_result_has_the_resolution_of_the_last_stride(features):
    assert build(strides=(8,))(features).shape == (2, 8, 9, 10)


@pytest.mark.parametrize("strides", [(4, 8), (4, 4), ()])
def test_strides_that_do_not_fall_are_refused(strides):
    with pytest.raises(ConfigError, match="from coarse to fine"):
        build(strides=strides)


@pytest.mark.parametrize(("strides", "missing"), [((4,), 4), ((16,), 16), ((32, 8), 32)])
def test_an_encoder_without_a_map_at_a_stride_is_refused(strides, missing):
    with pytest.raises(ConfigError, match=rf"a map at stride {missing} .* has \[8\] before .* 16"):
        build(SPECS[1:], strides=strides)


def test_sizes_are_those_of_the_released_decoder():
    decoder = build_released()

    assert count(decoder.context) == 3_019_776
    assert count(decoder.stages) == 162_928


def test_dense_convolutions_give_the_larger_network_of_the_paper():
    decoder = build_released(separable=False)

    assert count(decoder) == 54_711_461 - 37_867_312 - 5_397  # whole, encoder, logits of 21 classes


@pytest.mark.parametrize(
    ("settings", "kernels"),
    [
        # The rows of table 2: the shapes of the convolutions behind the concatenation.
        ({"convs": 1}, [(256, 304, 3, 3)]),
        ({"convs": 2}, [(256, 304, 3, 3), (256, 256, 3, 3)]),
        ({"convs": 3}, [(256, 304, 3, 3), (256, 256, 3, 3), (256, 256, 3, 3)]),
        ({"convs": 1, "channels": 128}, [(128, 304, 3, 3)]),
        ({"convs": 1, "kernel_size": 1}, [(256, 304, 1, 1)]),
        ({"convs": 1, "strides": (8, 4)}, [(256, 304, 3, 3), (256, 304, 3, 3)]),
        # Table 1: how far the low-level map is cut.
        ({"convs": 1, "reduced_channels": 8}, [(256, 264, 3, 3)]),
    ],
)
def test_the_decoders_that_the_paper_compares_can_be_built(settings, kernels):
    decoder = build_released(separable=False, **settings)

    convolutions = [layer.conv for stage in decoder.stages for layer in stage.fuse]
    assert [tuple(conv.weight.shape) for conv in convolutions] == kernels


def test_a_separable_convolution_of_one_pixel_is_its_pointwise_half():
    fuse = build(kernel_size=1, convs=1).stages[0].fuse

    assert [tuple(kernel.shape[-2:]) for kernel in fuse.parameters() if kernel.ndim == 4] == [
        (1, 1)
    ]


def test_norms_of_the_decoder_have_the_smaller_epsilon():
    norms = [m for m in build().modules() if isinstance(m, torch.nn.BatchNorm2d)]

    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-5, 3e-4)}
