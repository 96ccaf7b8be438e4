import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from atrous.losses.hard_pixels import hard_fraction_at, mean_of_hardest


@given(st.lists(st.floats(0, 9), min_size=1, max_size=20), st.floats(0.05, 1))
def test_the_mean_is_over_the_hardest_that_are_not_0(losses, fraction):
    hardest = sorted(losses, reverse=True)[: max(int(fraction * len(losses)), 1)]
    counted = [loss for loss in hardest if loss]

    mean = mean_of_hardest(torch.tensor(losses, dtype=torch.float64)[None, None], fraction)

    assert mean.item() == pytest.approx(sum(counted) / max(len(counted), 1))


def test_the_share_falls_evenly_and_stays():
    shares = [hard_fraction_at(step, fraction=0.2, steps=4) for step in range(7)]

    assert shares == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2, 0.2, 0.2])
