import pytest

from atrous.errors import ConfigError
from atrous.layers.atrous import check_output_stride, default_atrous_rates, strides_to_rates

# Last entry unit, middle flow, exit units of Xception-65, as the official graph runs them.
XCEPTION_65 = [2, 2, 2, *[1] * 16, 2, 1]
XCEPTION_65_PLANS = {
    32: [(2, 1), (1, 1), (2, 1), (1, 1)],
    16: [(2, 1), (1, 1), (1, 1), (1, 2)],
    8: [(1, 1), (1, 2), (1, 2), (1, 4)],
}

# Layers 8, 9 to 14, 15 and 16 to 18 of MobileNetV2, as the official graph runs them.
MOBILENET_V2 = [2, 1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1]
MOBILENET_V2_PLANS = {
    32: [(2, 1), (1, 1), (2, 1), (1, 1)],
    16: [(2, 1), (1, 1), (1, 1), (1, 2)],
    8: [(1, 1), (1, 2), (1, 2), (1, 4)],
}


@pytest.mark.parametrize("output_stride", [8, 16, 32])
def test_rates_of_xception_65_are_those_of_the_official_graph(output_stride):
    plan = list(strides_to_rates(XCEPTION_65, output_stride // 2))

    assert [plan[2], plan[3], plan[19], plan[20]] == XCEPTION_65_PLANS[output_stride]
    assert set(plan[3:19]) == {plan[3]}


@pytest.mark.parametrize("output_stride", [8, 16, 32])
def test_rates_of_mobilenet_v2_are_those_of_the_official_graph(output_stride):
    plan = list(strides_to_rates(MOBILENET_V2, output_stride))

    assert [plan[7], plan[8], plan[14], plan[15]] == MOBILENET_V2_PLANS[output_stride]
    assert set(plan[8:14]) == {plan[8]}
    assert set(plan[15:]) == {plan[15]}


def test_a_unit_that_loses_its_stride_keeps_the_old_rate():
    assert list(strides_to_rates([2, 2, 2], limit=2)) == [(2, 1), (1, 1), (1, 2)]


def test_aspp_reaches_as_far_in_the_picture_at_every_output_stride():
    reach = [[rate * stride for rate in default_atrous_rates(stride)] for stride in (8, 16, 32)]

    assert reach == [[96, 192, 288]] * 3


@pytest.mark.parametrize("output_stride", [0, 4, 12, 64])
def test_other_output_strides_are_refused(output_stride):
    with pytest.raises(ConfigError, match=rf"one of \(8, 16, 32\), not {output_stride}"):
        check_output_stride(output_stride)
