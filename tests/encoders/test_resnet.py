import pytest
import torch

from atrous.encoders.resnet import ResidualUnit, ResNet
from atrous.errors import ConfigError


def rates(encoder):
    """Atrous rate of the 3x3 convolutions of each unit."""
    return [
        max(conv.conv.dilation[0] for conv in unit.convs if conv.conv.kernel_size == (3, 3))
        for unit in encoder.units
    ]


def build_empty(architecture="resnet50_beta", **options):
    with torch.device("meta"):
        return ResNet(architecture, **options).eval()


@pytest.mark.parametrize(
    ("architecture", "parameters"),
    [
        # The released graphs, by their parameters without ASPP, decoder and classifier.
        ("resnet50_beta", 23_631_808),
        ("resnet101_beta", 42_623_936),
        # The well-known ResNets without their classifiers, which torchvision has too.
        ("resnet50", 25_557_032 - 2_049_000),
        ("resnet101", 44_549_160 - 2_049_000),
        ("resnet18", 11_689_512 - 513_000),
        ("resnet18_v1_5", 11_689_512 - 513_000),
        ("resnet34_v1_5", 21_797_672 - 513_000),
        ("resnet50_v1_5", 25_557_032 - 2_049_000),
        ("resnet101_v1_5", 44_549_160 - 2_049_000),
    ],
)
def test_parameters_are_those_of_the_publications(architecture, parameters):
    # A stride in another unit moves a 1x1 shortcut nowhere: its channels are the same.
    assert sum(p.numel() for p in build_empty(architecture).parameters()) == parameters


@pytest.mark.parametrize(
    ("output_stride", "block_3", "block_4"),
    [(32, 1, [1, 1, 1]), (16, 1, [2, 2, 2]), (8, 2, [4, 4, 4])],
)
def test_rates_follow_the_output_stride(output_stride, block_3, block_4):
    found = rates(build_empty(output_stride=output_stride))

    assert found == [1] * 7 + [block_3] * 6 + block_4


@pytest.mark.parametrize(("output_stride", "block_4"), [(16, [2, 4, 8]), (8, [4, 8, 16])])
def test_multi_grid_multiplies_the_rates_of_the_last_block(output_stride, block_4):
    found = rates(build_empty(output_stride=output_stride, multi_grid=(1, 2, 4)))

    assert found[-3:] == block_4
    assert max(found[:-3]) == output_stride // 8 % 2 + 1


@pytest.mark.parametrize("output_stride", [8, 16, 32])
def test_the_stride_is_in_the_last_unit_of_a_block(output_stride):
    strides = [
        max(conv.conv.stride[0] for conv in unit.convs)
        for unit in build_empty(output_stride=output_stride).units
    ]

    kept = [index for index, stride in enumerate(strides) if stride == 2]
    assert kept == [2, 6, 12][: {8: 1, 16: 2, 32: 3}[output_stride]]


@pytest.mark.parametrize("output_stride", [8, 16, 32])
@pytest.mark.parametrize("conv", [0, 1])
def test_v1_5_strides_in_the_first_unit_of_a_block(output_stride, conv):
    architecture = ["resnet34_v1_5", "resnet50_v1_5"][conv]
    units = build_empty(architecture, output_stride=output_stride).units

    kept = [index for index, unit in enumerate(units) if unit.convs[conv].conv.stride == (2, 2)]
    assert kept == [3, 7, 13][: {8: 1, 16: 2, 32: 3}[output_stride]]


@pytest.mark.parametrize(
    ("rate_change", "block_3", "block_4"),
    [
        ("after_unit", [1, 2, 2, 2, 2, 2], [2, 4, 4]),  # torchvision's replace_stride_with_dilation
        ("at_unit", [2] * 6, [4] * 3),
        ("after_stage", [1] * 6, [2] * 3),
    ],
)
def test_in_v1_5_a_rate_can_double_at_other_places(rate_change, block_3, block_4):
    found = rates(build_empty("resnet50_v1_5", output_stride=8, rate_change=rate_change))

    assert found == [1] * 7 + block_3 + block_4


def test_the_released_forms_take_no_other_rates():
    with pytest.raises(ConfigError, match="'at_unit' has no place in a ResNet of the released"):
        build_empty("resnet50", rate_change="at_unit")


def test_in_v1_5_the_low_level_map_is_the_rectified_sum():
    encoder = build_empty("resnet18_v1_5", output_stride=32)
    seen = {}
    encoder.units[1].relu.register_forward_hook(lambda *args: seen.update(result=args[2]))

    low_level = encoder(torch.empty(1, 3, 33, 40, device="meta"))[0]

    assert low_level is seen["result"]


def test_the_low_level_map_is_normed_but_neither_summed_nor_rectified():
    encoder = ResNet("resnet18_beta", output_stride=32).eval()
    seen = {}
    encoder.units[0].convs.register_forward_hook(lambda *args: seen.update(residual=args[2]))

    low_level = encoder(torch.randn(1, 3, 33, 40))[0]

    assert low_level is seen["residual"]
    assert float(low_level.detach().min()) < 0


def test_a_striding_shortcut_of_equal_width_takes_every_second_pixel():
    unit = ResidualUnit(16, 4, bottleneck=True, stride=2, atrous_rate=1).eval()
    torch.nn.init.zeros_(unit.convs[2].conv.weight)
    x = torch.rand(1, 16, 7, 8)

    torch.testing.assert_close(unit(x)[0], x[..., ::2, ::2])


def test_a_light_unit_has_its_rate_in_both_convolutions():
    unit = ResidualUnit(4, 4, bottleneck=False, stride=1, atrous_rate=3)

    assert [conv.conv.dilation for conv in unit.convs] == [(3, 3), (3, 3)]


def test_both_paddings_are_the_same_network_on_odd_sides():
    torch.manual_seed(0)
    symmetric, same = (
        ResNet("resnet18", output_stride=32, padding=padding).eval()
        for padding in ("symmetric", "same")
    )
    same.load_state_dict(symmetric.state_dict())
    odd, even = torch.randn(1, 3, 65, 33), torch.randn(1, 3, 64, 36)

    torch.testing.assert_close(same(odd)[-1], symmetric(odd)[-1])
    assert not torch.allclose(same(even)[-1], symmetric(even)[-1])


def test_other_output_strides_are_refused():
    with pytest.raises(ConfigError, match="output_stride must be one of"):
        ResNet(output_stride=4)
