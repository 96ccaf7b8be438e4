import pytest
import torch
import torch.nn.functional as F

from atrous.errors import ConfigError
from atrous.layers.conv import SeparableConv
from atrous.layers.inception import (
    InceptionV3Module,
    SegmentedConv,
    Towers,
    extreme_inception,
)


def parameters(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("activation", ["none", "relu", "elu"])
@pytest.mark.parametrize("towers", [1, 3, 4])
def test_towers_and_segments_are_the_same_function(towers, activation):
    figure_2 = Towers(10, 24, towers=towers, activation=activation)
    figure_3 = figure_2.as_segments()
    x = torch.randn(2, 10, 9, 12)

    # The same products, summed by another kernel: float32 rounding.
    torch.testing.assert_close(figure_3(x), figure_2(x), atol=1e-5, rtol=1e-4)
    assert parameters(figure_3) == parameters(figure_2)


def test_segments_are_as_independent_as_towers():
    segmented = SegmentedConv(6, 6, segments=3)
    x = torch.randn(1, 6, 5, 5, requires_grad=True)
    mixed = segmented.pointwise(x)
    mixed.retain_grad()

    segmented.spatial(mixed)[:, :2].sum().backward()

    touched = mixed.grad.abs().sum((0, 2, 3)) > 0
    assert touched.tolist() == [True, True, False, False, False, False]


def test_one_segment_is_a_pointwise_and_an_ordinary_convolution():
    segmented = SegmentedConv(5, 7, segments=1)
    x = torch.randn(1, 5, 8, 6)

    expected = F.conv2d(
        F.conv2d(x, segmented.pointwise.weight), segmented.spatial.weight, padding=1
    )
    torch.testing.assert_close(segmented(x), expected)


def test_the_extreme_form_keeps_every_channel_to_itself():
    module = extreme_inception(4, 6)
    x = torch.randn(1, 4, 7, 7)

    mixed = F.conv2d(x, module.pointwise.weight)
    expected = torch.cat(
        [
            F.conv2d(mixed[:, [channel]], module.spatial.weight[[channel]], padding=1)
            for channel in range(6)
        ],
        dim=1,
    )
    torch.testing.assert_close(module(x), expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("atrous_rate", [1, 3])
def test_space_first_in_single_channels_is_the_separable_convolution(atrous_rate):
    separable = SeparableConv(
        4, 8, atrous_rate=atrous_rate, depthwise_norm=None, relu_between=False, relu_after=False
    ).eval()
    segmented = SegmentedConv(
        4, 8, segments=4, order="spatial_first", atrous_rate=atrous_rate
    ).eval()
    segmented.spatial.weight = separable.depthwise.conv.weight
    segmented.pointwise.weight = separable.pointwise.conv.weight
    x = torch.randn(1, 4, 11, 9)

    torch.testing.assert_close(separable.pointwise.norm(segmented(x)), separable(x))


def test_a_residual_is_added_to_the_input():
    with_sum = SegmentedConv(8, 8, segments=4, activation="relu", residual=True)
    without = SegmentedConv(8, 8, segments=4, activation="relu")
    without.load_state_dict(with_sum.state_dict())
    x = torch.randn(1, 8, 5, 6)

    torch.testing.assert_close(with_sum(x), x + without(x))


@pytest.mark.parametrize(("activation", "least"), [("none", None), ("relu", 0.0), ("elu", -1.0)])
def test_the_middle_activation_bounds_what_the_second_convolution_sees(activation, least):
    module = SegmentedConv(6, 6, segments=6, activation=activation)
    seen = []
    module.spatial.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].min().item()))

    module(10 * torch.randn(1, 6, 16, 16))

    assert seen[0] < -1.0 if least is None else seen[0] >= least


def test_more_segments_need_fewer_parameters_down_to_those_of_the_extreme_form():
    counts = [parameters(SegmentedConv(256, 256, segments=t)) for t in (1, 4, 32, 256)]

    # 1x1 kernels, and 3x3 kernels over a t-th of the channels each.
    assert counts == [256 * 256 + 9 * 256 * 256 // t for t in (1, 4, 32, 256)]


def test_inception_v3_looks_in_four_ways_at_every_pixel():
    module = InceptionV3Module(6, 4)

    assert module(torch.randn(1, 6, 7, 5)).shape == (1, 16, 7, 5)
    assert parameters(module) == 4 * 6 * 4 + 3 * 9 * 4 * 4


def test_the_mean_branch_of_inception_v3_counts_no_padding():
    module = InceptionV3Module(1, 1)
    torch.nn.init.ones_(module.branches[3][1][0].weight)

    seen = module(torch.ones(1, 1, 4, 4))[:, 3]

    torch.testing.assert_close(seen, torch.ones(1, 4, 4))


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda: Towers(4, 8, towers=3), "towers = 3 must divide out_channels, which are 8"),
        (lambda: SegmentedConv(4, 8, segments=0), "segments = 0 must divide"),
        (
            lambda: SegmentedConv(6, 8, segments=4, order="spatial_first"),
            "segments = 4 must divide .* 6",
        ),
        (lambda: SegmentedConv(4, 8, segments=4, residual=True), "residual .* 4 -> 8"),
    ],
)
def test_what_cannot_be_built_is_said(build, reason):
    with pytest.raises(ConfigError, match=reason):
        build()
