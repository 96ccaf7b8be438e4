import pytest
import torch
import torch.nn.functional as F

from atrous.encoders.xception import ARCHITECTURES, FORMS, AlignedXception, Unit, XceptionUnit
from atrous.errors import ConfigError


def build_without_values(architecture, output_stride):
    with torch.device("meta"):
        return AlignedXception(architecture, output_stride=output_stride)


def rates_of(unit):
    return {conv.depthwise.conv.dilation[0] for conv in unit.convs}


@pytest.mark.parametrize(
    ("architecture", "parameters"),
    [("xception41", 24_920_560), ("xception65", 37_867_312), ("xception71", 40_289_736)],
)
def test_parameters_are_as_many_as_in_the_official_graph(architecture, parameters):
    encoder = build_without_values(architecture, 16)

    assert sum(parameter.numel() for parameter in encoder.parameters()) == parameters


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_number_in_the_name_counts_the_convolutions(architecture):
    separable = 3 * len(ARCHITECTURES[architecture])
    root, shortcuts = 2, sum(unit.skip == "conv" for unit in ARCHITECTURES[architecture])
    counted = {"xception41": 2 + 3 * 13, "xception65": 2 + 3 * 21, "xception71": 2 + 3 * 23}

    assert root + separable == int(architecture.removeprefix("xception")) == counted[architecture]
    assert shortcuts == (6 if architecture == "xception71" else 4)


@pytest.mark.parametrize(
    ("output_stride", "entry", "middle", "exits"),
    [(32, 1, 1, (1, 1)), (16, 1, 1, (1, 2)), (8, 1, 2, (2, 4))],
)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_rates_are_those_of_the_official_graph(architecture, output_stride, entry, middle, exits):
    units = build_without_values(architecture, output_stride).units
    last_entry = len(units) - 3 - (8 if architecture == "xception41" else 16)

    assert rates_of(units[last_entry]) == {entry}
    assert rates_of(units[last_entry + 1]) == rates_of(units[-3]) == {middle}
    assert (rates_of(units[-2]), rates_of(units[-1])) == ({exits[0]}, {exits[1]})


@pytest.mark.parametrize(
    ("architecture", "taps"),
    [("xception41", [1, 2, 11]), ("xception65", [1, 2, 19]), ("xception71", [2, 4, 21])],
)
def test_low_level_maps_come_from_the_units_that_stride(architecture, taps):
    encoder = build_without_values(architecture, 32)

    assert encoder.taps == taps
    assert [spec.channels for spec in encoder.feature_specs] == [256, 728, 1024, 2048]


def test_a_low_level_map_is_not_yet_rectified():
    torch.manual_seed(0)
    unit = XceptionUnit(4, Unit((8, 8, 8), stride=2), atrous_rates=(1, 1, 1)).eval()
    x = torch.randn(1, 4, 9, 9)

    _, low_level = unit(x)

    expected = unit.convs[1](F.relu(unit.convs[0](F.relu(x))))
    torch.testing.assert_close(low_level, expected)
    assert low_level.min() < 0


def test_the_stride_is_on_the_third_convolution():
    unit = XceptionUnit(4, Unit((8, 8, 8), stride=2), atrous_rates=(1, 1, 1))

    assert [conv.depthwise.conv.stride[0] for conv in unit.convs] == [1, 1, 2]
    assert unit.shortcut.conv.stride == (2, 2)


def test_the_shortcut_reads_the_map_before_its_relu():
    unit = XceptionUnit(6, Unit((6, 6, 6), skip="sum"), atrous_rates=(1, 1, 1)).eval()
    unit.convs[2].pointwise.conv.weight.data.zero_()
    x = torch.randn(1, 6, 5, 5)

    torch.testing.assert_close(unit(x)[0], x)


def test_only_the_last_block_has_a_relu_behind_every_half():
    units = build_without_values("xception41", 16).units

    inside = [
        {
            half.activation.__class__.__name__
            for conv in unit.convs
            for half in (conv.depthwise, conv.pointwise)
        }
        for unit in units
    ]
    assert inside[:-1] == [{"Identity"}] * 12
    assert inside[-1] == {"ReLU"}
    assert [unit.relu_first for unit in units] == [True] * 12 + [False]


def test_every_norm_has_the_epsilon_of_the_released_code():
    norms = [
        module
        for module in build_without_values("xception71", 16).modules()
        if isinstance(module, torch.nn.BatchNorm2d)
    ]

    assert {norm.eps for norm in norms} == {1e-3}
    assert {norm.momentum for norm in norms} == {3e-4}


def test_an_output_stride_that_is_not_offered_is_refused():
    with pytest.raises(ConfigError, match=r"output_stride must be one of \(8, 16, 32\), not 4"):
        AlignedXception("xception41", output_stride=4)


def relus_between_halves(encoder):
    return [
        isinstance(conv.depthwise.activation, torch.nn.ReLU)
        for unit in encoder.units
        for conv in unit.convs
    ]


def test_only_the_last_unit_has_a_relu_between_the_halves():
    with torch.device("meta"):
        found = relus_between_halves(AlignedXception("xception41"))

    assert found == [False] * (len(found) - 3) + [True] * 3


def test_the_papers_form_has_one_behind_every_depthwise_convolution():
    with torch.device("meta"):
        paper = AlignedXception("xception41", relu_after_depthwise=True)
        released = AlignedXception("xception41")

    assert all(relus_between_halves(paper))
    assert paper.state_dict().keys() == released.state_dict().keys()


def test_multi_grid_multiplies_the_rates_of_the_last_unit():
    with torch.device("meta"):
        encoder = AlignedXception("xception41", output_stride=16, multi_grid=(1, 2, 4))

    rates = [[c.depthwise.conv.dilation[0] for c in unit.convs] for unit in encoder.units]
    assert rates[-1] == [2, 4, 8]
    assert all(rate == [1, 1, 1] for rate in rates[:-1])


@pytest.mark.parametrize(
    ("form", "sum_shortcut", "conv_shortcut"),
    [
        ("tensorflow", lambda x: x, lambda x: x),
        ("rectified_sums", F.relu, lambda x: x),
        ("rectified", F.relu, F.relu),
    ],
)
def test_shortcuts_of_others_read_what_a_relu_in_place_left(form, sum_shortcut, conv_shortcut):
    x = torch.randn(1, 4, 6, 6)
    units = []
    for skip in ("sum", "conv"):
        unit = XceptionUnit(
            4, Unit((4, 4, 4), skip=skip), atrous_rates=(1, 1, 1), form=FORMS[form]
        ).eval()
        torch.nn.init.zeros_(unit.convs[2].pointwise.norm.weight)
        units.append(unit)
    kept, convolved = units

    torch.testing.assert_close(kept(x)[0], sum_shortcut(x))
    torch.testing.assert_close(convolved(x)[0], convolved.shortcut(conv_shortcut(x)))


@pytest.mark.parametrize(
    ("form", "channels"),
    [("tensorflow", 256), ("rectified_taps", 256), ("rectified", 128)],
)
def test_low_level_maps_of_others_are_rectified(form, channels):
    torch.manual_seed(0)
    encoder = AlignedXception("xception41", output_stride=32, form=form).eval()

    low_level = encoder(torch.randn(1, 3, 33, 33))[0]

    assert low_level.shape == (1, channels, 9, 9)
    assert (float(low_level.detach().min()) >= 0) is (form != "tensorflow")


@pytest.mark.parametrize(("output_stride", "rates"), [(16, [1, 1, 1]), (8, [2, 2, 2])])
def test_after_a_stage_the_exit_flow_keeps_one_rate(output_stride, rates):
    with torch.device("meta"):
        encoder = AlignedXception(
            "xception65", output_stride=output_stride, rate_change="after_stage"
        )

    middle, *last = (rates_of(encoder.units[index]) for index in (18, 19, 20))
    assert [middle, *last] == [{rate} for rate in rates]
