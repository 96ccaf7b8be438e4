import pytest
import torch

from atrous.encoders.mobilenetv3 import MobileNetV3
from atrous.errors import ConfigError


def build_without_values(architecture="large_torch", **settings):
    with torch.device("meta"):
        return MobileNetV3(architecture, **settings)


def test_torchvisions_large_network_has_the_parameters_of_table_1():
    # torchvision's 5,483,032 without the two layers behind the mean, of 1280 and of 1000.
    head = 960 * 1280 + 1280 + 1280 * 1000 + 1000

    counted = sum(parameter.numel() for parameter in build_without_values().parameters())
    assert counted == 5_483_032 - head


@pytest.mark.parametrize(
    ("rate_change", "rates"), [("after_unit", [1, 2, 2]), ("at_unit", [2] * 3)]
)
def test_a_rate_can_double_with_the_block_that_loses_its_stride(rate_change, rates):
    blocks = build_without_values(output_stride=16, rate_change=rate_change).blocks

    assert [block.depthwise.conv.dilation[0] for block in blocks[-3:]] == rates


def test_rates_that_nobody_has_are_refused():
    with pytest.raises(ConfigError, match="'after_stage' has no place in MobileNetV3"):
        build_without_values(rate_change="after_stage")


@pytest.mark.parametrize(("architecture", "exact"), [("large_torch", True), ("large", False)])
def test_gates_are_those_of_where_the_weights_are_from(architecture, exact):
    gate = build_without_values(architecture).blocks[3].squeeze.gate

    assert isinstance(gate, torch.nn.Hardsigmoid) is exact
