import pytest
import torch
from torch import nn

from atrous.engine.norms import set_norm_momentum
from atrous.layers.norm import head_norm, keras_norm


def momenta(momentum, total_steps):
    model = nn.Sequential(head_norm(2), keras_norm(2), nn.ReLU())
    set_norm_momentum(model, momentum, total_steps=total_steps)
    return [model[0].momentum, model[1].momentum]


def test_a_momentum_that_is_given_is_everywhere():
    assert momenta(0.05, 100) == [0.05, 0.05]


def test_long_runs_keep_the_momenta_of_the_networks():
    assert momenta(None, 90_000) == [3e-4, 1e-2]


def test_short_runs_raise_those_that_could_not_settle():
    assert momenta(None, 500) == [pytest.approx(0.02), pytest.approx(0.02)]
    assert momenta(None, 5000) == [pytest.approx(0.002), 1e-2]
    assert momenta(None, 3) == [0.1, 0.1]


@pytest.mark.parametrize("total_steps", [200, 2000])
def test_the_statistics_are_those_of_the_data_at_the_end_of_a_run(total_steps):
    norm = head_norm(1)
    set_norm_momentum(norm, None, total_steps=total_steps)
    random = torch.Generator().manual_seed(0)

    for _ in range(total_steps):
        norm(5 + 3 * torch.randn(8, 1, 6, 6, generator=random))

    # The share of the first statistics (mean 0, variance 1) is below exp(-9).
    assert norm.running_mean.item() == pytest.approx(5, abs=0.1)
    assert norm.running_var.item() == pytest.approx(9, abs=0.4)
