import pytest
from torch import nn

from atrous.layers.count import count_multiply_adds, multiply_adds_by_layer


def test_each_convolution_is_counted_by_its_name_as_often_as_it_runs():
    shared = nn.Conv2d(4, 4, 3, padding=1, groups=4)
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), shared, shared).to("meta")

    counts = multiply_adds_by_layer(network, 2, 3, 5, 7)

    pixels = 2 * 5 * 7
    assert counts == {"0": 3 * 4 * pixels, "2": 2 * 4 * 9 * pixels}
    assert sum(counts.values()) == count_multiply_adds(network, 2, 3, 5, 7)


@pytest.mark.parametrize(("rate", "filled"), [(1, 5 * 7), (2, 6 * 8), ((4, 3), 8 * 9)])
def test_maps_are_filled_up_to_multiples_of_the_rate(rate, filled):
    network = nn.Sequential(nn.Conv2d(1, 1, 3, padding=rate, dilation=rate)).to("meta")

    assert multiply_adds_by_layer(network, 1, 1, 5, 7, fill_up=True) == {"0": 9 * filled}
