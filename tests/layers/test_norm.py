import pytest
import torch
from torch import nn

from atrous.layers.norm import (
    head_norm,
    keras_norm,
    mobilenet_norm,
    pooled_head_norm,
    xception_norm,
)


@pytest.mark.parametrize(
    ("norm", "epsilon", "decay"),
    [
        (xception_norm, 1e-3, 0.9997),
        (keras_norm, 1e-3, 0.99),
        (mobilenet_norm, 1e-3, 0.997),
        (head_norm, 1e-5, 0.9997),
        (pooled_head_norm, 1e-5, 0.9997),
    ],
)
def test_epsilon_and_decay_are_those_of_the_released_code(norm, epsilon, decay):
    layer = norm(4)

    assert layer.eps == epsilon
    assert 1 - layer.momentum == pytest.approx(decay)


def test_running_statistics_move_as_in_the_released_code():
    layer = xception_norm(1)
    x = torch.tensor([1.0, 2.0, 6.0]).view(3, 1, 1, 1)

    layer(x)

    # moving = decay * moving + (1 - decay) * batch, the variance unbiased: mean 3, variance 7
    assert layer.running_mean.item() == pytest.approx(0.0003 * 3)
    assert layer.running_var.item() == pytest.approx(0.9997 + 0.0003 * 7)


def test_one_pooled_pixel_is_normed_by_the_running_statistics():
    layer = pooled_head_norm(2)
    layer.running_mean.copy_(torch.tensor([1.0, -1.0]))
    layer.running_var.fill_(4.0)

    result = layer(torch.tensor([3.0, 5.0]).view(1, 2, 1, 1))

    assert result.flatten().tolist() == pytest.approx([1.0, 3.0], abs=1e-4)
    assert layer.running_mean.tolist() == [1.0, -1.0]


def test_several_pooled_pixels_are_normed_as_anywhere_else():
    pooled, plain = pooled_head_norm(3), nn.BatchNorm2d(3, eps=1e-5, momentum=3e-4)
    x = torch.randn(4, 3, 1, 1)

    torch.testing.assert_close(pooled(x), plain(x))
    torch.testing.assert_close(pooled.running_var, plain.running_var)
