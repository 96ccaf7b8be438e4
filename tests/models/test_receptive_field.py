from math import inf, isnan

import pytest
import torch
from torch import nn

from atrous.encoders import ENCODERS
from atrous.layers.dpc import DensePredictionCell
from atrous.layers.pool import MaxPool, MeanPool
from atrous.models.receptive_field import Field, receptive_fields


def field(network):
    return receptive_fields(network.to("meta").eval(), {"all": network})["all"]


def measured(network, side, *, channels=3):
    """Rows and columns of the input that the output's central position takes anything from.

    Every convolution takes a mean of a small number, so that nothing cancels out and no activation
    cuts anything off; in float64 the products of many small weights stay above zero.
    """
    for conv in network.modules():
        if isinstance(conv, nn.Conv2d):
            nn.init.constant_(conv.weight, 1 / conv.weight[0].numel())
    image = torch.full((1, channels, side, side), 1e-3, dtype=torch.float64, requires_grad=True)
    result = network.double().eval()(image)
    deepest = result if isinstance(result, torch.Tensor) else result[-1]
    height, width = deepest.shape[-2:]
    deepest[0, :, height // 2, width // 2].sum().backward()
    touched = image.grad[0].abs().sum(0).nonzero()
    rows, columns = (touched.max(0).values - touched.min(0).values + 1).tolist()
    return rows, columns


@pytest.mark.parametrize(("name", "pixels"), [("resnet50", 483), ("resnet101", 1027)])
def test_encoders_see_what_others_have_computed_for_them(name, pixels):
    # Araujo, Norris and Sim, Computing Receptive Fields of Convolutional Neural Networks, 2019:
    # resnet_v1_50 and resnet_v1_101 of the same release, at stride 32.
    with torch.device("meta"):
        encoder = ENCODERS[name](output_stride=32)

    assert field(encoder) == Field((pixels, pixels), (32, 32))


@pytest.mark.parametrize("output_stride", [8, 32])
def test_an_encoder_sees_the_pixels_that_change_its_output(output_stride):
    with torch.device("meta"):
        counted = field(ENCODERS["mobilenetv2_035"](output_stride=output_stride))

    assert measured(ENCODERS["mobilenetv2_035"](output_stride=output_stride), 641) == counted.pixels


@pytest.mark.parametrize("branch", range(5))
def test_each_branch_of_the_cell_sees_the_pixels_that_change_it(branch):
    class Branch(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = DensePredictionCell(4, 4, output_stride=16)

        def forward(self, x):
            kept = []
            hook = self.cell.branches[branch].register_forward_hook(
                lambda _module, _inputs, result: kept.append(result)
            )
            self.cell(x)
            hook.remove()
            return kept[0]

    counted = receptive_fields(
        (network := Branch().to("meta").eval()), {"branch": network.cell.branches[branch]}
    )["branch"]

    assert measured(Branch(), 101, channels=4) == counted.pixels


@pytest.mark.parametrize(
    ("pool", "pixels", "strides"),
    [
        (MaxPool(stride=2, padding="symmetric"), (3, 3), (2, 2)),
        (MaxPool(stride=1, atrous_rate=4, padding="same"), (9, 9), (1, 1)),
        (MeanPool((3, 5), stride=(2, 1)), (3, 5), (2, 1)),
        (nn.AvgPool2d(2), (2, 2), (2, 2)),
        (MeanPool(), (inf, inf), (1, 1)),
    ],
)
def test_pools_see_their_windows(pool, pixels, strides):
    network = nn.Sequential(nn.Conv2d(3, 4, 1), pool)

    assert field(network) == Field(pixels, strides)


def test_a_kernel_may_have_two_sides_and_two_rates():
    network = nn.Sequential(nn.Conv2d(1, 1, (1, 3), dilation=(5, 4), stride=(2, 1)))

    assert field(network) == Field((1, 9), (2, 1))


def test_behind_attention_nothing_is_claimed():
    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.attend = nn.Conv2d(3, 4, 3), nn.MultiheadAttention(4, 1)

        def forward(self, x):
            tokens = self.conv(x).flatten(2).permute(2, 0, 1)
            return tokens + self.attend(tokens, tokens, tokens)[0]

    assert all(isnan(side) for side in field(Attention()).pixels)


def test_of_two_paths_the_wider_one_counts():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.wide, self.narrow = nn.Conv2d(3, 4, 7, padding=3), nn.Conv2d(3, 4, 1)

        def forward(self, x):
            return torch.cat([self.narrow(x), self.narrow(x) + self.wide(x)], dim=1)

    assert field(Residual()).pixels == (7, 7)
