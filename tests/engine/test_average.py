import pytest
import torch
from torch import nn

from atrous.engine.average import moving_average


def averages(values, decay, *, ramp):
    """The average of one weight, from its beginning at 1, behind each value."""
    model = nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(1.0)
    average = moving_average(model, decay, ramp=ramp)
    found = []
    for value in values:
        model.weight.data.fill_(value)
        average.update_parameters(model)
        found.append(average.module.weight.item())
    return found


def test_with_a_ramp_it_is_tensorflows_from_the_first_weights_on():
    average, expected = 1.0, []
    for step, value in enumerate([4.0, -2.0, 3.0]):
        decay = min(0.15, (1 + step) / (10 + step))
        average = decay * average + (1 - decay) * value
        expected.append(average)

    assert averages([4.0, -2.0, 3.0], 0.15, ramp=True) == pytest.approx(expected)


def test_without_a_ramp_it_begins_with_the_weights_of_the_first_step():
    assert averages([4.0, 2.0], 0.75, ramp=False) == pytest.approx([4.0, 3.5])


def test_no_decay_is_no_average():
    assert moving_average(nn.Linear(1, 1), 0.0) is None


@pytest.mark.parametrize("ramp", [False, True])
def test_norm_statistics_are_averaged_too_and_counts_stay_whole(ramp):
    norm = nn.BatchNorm2d(1)
    average = moving_average(norm, 0.5, ramp=ramp)
    for _ in range(3):
        norm(torch.randn(4, 1, 2, 2) + 5)
        average.update_parameters(norm)

    assert 0 < average.module.running_mean.item() < norm.running_mean.item()
    assert average.module.num_batches_tracked.dtype == torch.int64
