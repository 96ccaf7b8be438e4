import pytest
import torch
import torch.nn.functional as F

from atrous.encoders.mobilenetv2 import FORMS, InvertedResidual, MobileNetV2, round_channels


def build_without_values(**settings):
    with torch.device("meta"):
        return MobileNetV2(**settings)


def test_parameters_are_as_many_as_in_the_official_graph():
    encoder = build_without_values()

    assert sum(parameter.numel() for parameter in encoder.parameters()) == 1_811_712


@pytest.mark.parametrize(
    ("output_stride", "stride_or_rate"),
    [
        (32, [(2, 1), (1, 1), (2, 1), (1, 1)]),
        (16, [(2, 1), (1, 1), (1, 1), (1, 2)]),
        (8, [(1, 1), (1, 2), (1, 2), (1, 4)]),
    ],
)
def test_rates_of_layers_8_9_15_and_16_are_those_of_the_official_graph(
    output_stride, stride_or_rate
):
    blocks = build_without_values(output_stride=output_stride).blocks

    convs = [blocks[layer - 2].depthwise.conv for layer in (8, 9, 15, 16)]
    assert [(conv.stride[0], conv.dilation[0]) for conv in convs] == stride_or_rate


def test_low_level_maps_are_the_depthwise_outputs_before_each_stride():
    encoder = build_without_values(output_stride=32)

    # layer_4, layer_7 and layer_14 of the release
    assert encoder.taps == [4 - 2, 7 - 2, 14 - 2]
    assert [spec.channels for spec in encoder.feature_specs] == [144, 192, 576, 320]


def test_a_block_adds_its_input_where_nothing_changes_its_shape():
    encoder = build_without_values(output_stride=8)

    adds = [index for index, block in enumerate(encoder.blocks) if block.adds_input]
    # A stride that was taken away leaves no new shortcut: channels change there.
    assert adds == [2, 4, 5, 7, 8, 9, 11, 12, 14, 15]


def test_an_inverted_residual_is_that_of_the_paper():
    torch.manual_seed(0)
    block = InvertedResidual(8, 8, expansion=6, stride=1, atrous_rate=1, padding="symmetric").eval()
    x = torch.randn(1, 8, 7, 7) * 9

    result, inside = block(x)

    wide = F.relu6(block.expand.norm(F.conv2d(x, block.expand.conv.weight)))
    filtered = F.conv2d(wide, block.depthwise.conv.weight, padding=1, groups=48)
    torch.testing.assert_close(inside, F.relu6(block.depthwise.norm(filtered)))
    torch.testing.assert_close(result, x + block.project(inside))
    assert inside.max() <= 6


@pytest.mark.parametrize(
    ("channels", "divisor", "rounded"),
    [(32 * 1.4, 8, 48), (24 * 0.35, 8, 8), (16 * 0.5, 1, 8), (24 * 1.4, 1, 34), (19, 8, 24)],
)
def test_channels_are_rounded_but_never_below_nine_tenths(channels, divisor, rounded):
    assert round_channels(channels, divisor=divisor, least=divisor) == rounded


def test_half_the_width_is_the_published_small_network():
    encoder = build_without_values(width=0.5)

    # The release has 697,013 with image pooling, aspp0, projection and 21 logits behind it.
    head = 2 * (160 * 256 + 512) + 512 * 256 + 512 + 256 * 21 + 21
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 697_013 - head


def test_every_norm_has_the_epsilon_of_the_released_code():
    norms = [m for m in build_without_values().modules() if isinstance(m, torch.nn.BatchNorm2d)]

    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 3e-3)}


def test_torchs_forms_tap_whole_blocks():
    encoder = build_without_values(output_stride=32, form="torch_1280")

    assert [spec.channels for spec in encoder.feature_specs] == [24, 32, 96, 1280]
    assert {m.eps for m in encoder.modules() if isinstance(m, torch.nn.BatchNorm2d)} == {1e-5}


def test_a_border_put_on_early_is_filled_by_the_first_norm():
    torch.manual_seed(0)
    block = InvertedResidual(
        8,
        8,
        expansion=6,
        stride=1,
        atrous_rate=2,
        padding="symmetric",
        form=FORMS["torch_bordered"],
    ).eval()
    torch.nn.init.ones_(block.expand.norm.bias)
    x = torch.randn(1, 8, 7, 7)

    result, _ = block(x)

    filled = F.pad(block.expand(x), [2] * 4, value=1.0)
    torch.testing.assert_close(result, x + block.project(block.depthwise(filled)))


@pytest.mark.parametrize(
    ("rate_change", "rates"),
    [("after_unit", [2, 4]), ("at_unit", [4, 4]), ("after_stage", [2, 2])],
)
def test_rates_can_double_at_other_places(rate_change, rates):
    blocks = build_without_values(output_stride=8, rate_change=rate_change).blocks

    assert [blocks[index].depthwise.conv.dilation[0] for index in (13, 14)] == rates
