import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from atrous.encoders import ENCODERS
from atrous.models.memory import peak_activation_bytes, weight_bytes


def test_what_a_chain_holds_at_once_is_two_maps_that_meet():
    chain = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.Conv2d(2, 4, 1)).to("meta")

    # The last convolution reads 2 maps and writes 4 of 10 x 10 in float32, beside the 3 of the
    # input, which the caller holds.
    assert peak_activation_bytes(chain, 1, 3, 10, 10) == (3 + 2 + 4) * 10 * 10 * 4


def test_views_take_nothing():
    class Views(nn.Module):
        def forward(self, x):
            return x.flatten(2).transpose(1, 2)[:, ::2]

    assert peak_activation_bytes(Views(), 1, 3, 10, 10) == 3 * 10 * 10 * 4


@pytest.mark.parametrize("name", ["mobilenetv2_035", "xception41"])
def test_the_peak_is_the_one_that_torch_reports_of_a_real_run(name):
    encoder = ENCODERS[name]().double().eval()
    with torch.device("meta"):
        counted = peak_activation_bytes(ENCODERS[name]().eval(), 1, 3, 65, 49)

    # In float64, which oneDNN does not compute: its own buffers would come on top.
    with (
        torch.no_grad(),
        profile(activities=[ProfilerActivity.CPU], profile_memory=True) as run,
    ):
        encoder(torch.zeros(1, 3, 65, 49, dtype=torch.float64))
    now = peak = 0
    for event in run.profiler.kineto_results.events():
        if event.name() == "[memory]":
            now += event.nbytes()
            peak = max(peak, now)
    assert peak == 2 * counted


def test_weights_count_with_their_running_statistics():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))

    # 12 + 4 of the convolution, 4 x 4 of the norm in float32, and its counter of 8 bytes.
    assert weight_bytes(network) == (12 + 4 + 16) * 4 + 8
