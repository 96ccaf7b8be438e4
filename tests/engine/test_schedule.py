"""Schedules against formulas, and against what the released code gives."""

import itertools
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from atrous.engine.config import TrainConfig
from atrous.engine.schedule import build_schedule, cosine, learning_rate_factor, poly
from atrous.errors import ConfigError


def factors(total_steps, **settings):
    factor = learning_rate_factor(TrainConfig(epochs=5, **settings), total_steps=total_steps)
    return [factor(step) for step in range(total_steps + 1)]


@given(st.integers(1, 10_000), st.data(), st.floats(0.5, 2.0))
def test_poly_is_the_formula_of_the_paper(total_steps, data, power):
    step = data.draw(st.integers(0, total_steps))

    expected = (1 - step / total_steps) ** power
    assert poly(step, total_steps=total_steps, power=power) == pytest.approx(expected)


def test_the_values_of_poly_over_ten_steps():
    # (1 - step / 10) ** 0.9, computed apart.
    expected = [
        1.0,
        0.90953,
        0.81805,
        0.72542,
        0.63144,
        0.53589,
        0.43838,
        0.33837,
        0.23492,
        0.12589,
    ]

    assert [poly(s, total_steps=10) for s in range(10)] == pytest.approx(expected, abs=2e-5)


@pytest.mark.parametrize("key", ["lr_poly", "lr_poly_slow50", "lr_step"])
def test_learning_rates_are_those_of_the_released_code(key, oracle):
    stored = np.load(oracle / "misc.npz")
    policy, rate, every, fall, total, power, slow_steps, slow_rate = json.loads(
        str(stored[f"{key}_args"])
    )
    falls = {"decay_steps": every, "decay_factor": fall} if policy == "step" else {}
    slow = {"slow_start_steps": slow_steps, "slow_start_learning_rate": slow_rate}
    config = TrainConfig(
        epochs=1,
        schedule=policy,
        learning_rate=rate,
        poly_power=power,
        **falls,
        **slow,
    )

    factor = learning_rate_factor(config, total_steps=total)

    rates = [rate * factor(int(step)) for step in stored["lr_steps"]]
    # The code divides in float32: its poly ends at 3e-7 of the first rate and not at 0.
    np.testing.assert_allclose(rates, stored[key], rtol=1e-5, atol=1e-6 * rate)


def test_the_warm_up_rises_evenly_and_hands_over_without_a_jump():
    rises = factors(20, warmup_steps=4)

    assert rises[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rises[12] == pytest.approx(0.5**0.9)
    assert rises[20] == 0.0
    assert all(a > b for a, b in itertools.pairwise(rises[4:]))


def test_a_slow_start_keeps_its_rate_and_the_schedule_begins_behind_it():
    slow = factors(
        6, learning_rate=0.1, slow_start_steps=2, slow_start_learning_rate=0.01, poly_power=1.0
    )

    assert slow == pytest.approx([0.1, 0.1, 1, 0.75, 0.5, 0.25, 0])


def test_stairs_fall_at_once_every_so_many_epochs():
    # 10 steps in 5 epochs: 2 epochs are 4 steps.
    stairs = factors(10, schedule="step", decay_factor=0.94, decay_epochs=2)

    assert stairs == pytest.approx([1] * 4 + [0.94] * 4 + [0.94**2] * 3)


def test_the_exponential_schedule_falls_in_every_step_to_the_same_points():
    slope = factors(8, schedule="exponential", decay_factor=0.25, decay_steps=2)

    assert slope == pytest.approx([0.5**step for step in range(9)])


def test_cosine_goes_from_1_over_one_half_to_0():
    assert [cosine(step, total_steps=6) for step in (0, 3, 6)] == pytest.approx([1, 0.5, 0])
    assert cosine(2, total_steps=6) == pytest.approx(0.75)  # half of 1 + cos(60 degrees)


def test_a_constant_rate_stays():
    assert factors(3, schedule="constant") == [1, 1, 1, 1]


schedules = st.sampled_from(["poly", "step", "exponential", "cosine", "constant"])


@given(schedules, st.integers(1, 60), st.integers(0, 80))
def test_the_factor_is_always_between_0_and_1(schedule, total_steps, warmup_steps):
    assert all(
        0 <= f <= 1 for f in factors(total_steps, schedule=schedule, warmup_steps=warmup_steps)
    )


def test_decay_in_epochs_needs_a_run_in_epochs():
    config = TrainConfig(epochs=1, schedule="step", decay_epochs=2).model_copy(
        update={"epochs": None}
    )

    with pytest.raises(ConfigError, match=r"decay_epochs needs train\.epochs"):
        learning_rate_factor(config, total_steps=10)


def test_the_schedule_multiplies_the_rate_of_every_group():
    weights = [torch.nn.Parameter(torch.zeros(1)) for _ in range(2)]
    groups = [
        {"params": [weight], "lr": rate} for weight, rate in zip(weights, (0.1, 0.03), strict=True)
    ]
    optimizer = torch.optim.SGD(groups)
    config = TrainConfig(epochs=1, learning_rate=0.1, poly_power=1.0)
    schedule = build_schedule(optimizer, config, total_steps=4)
    optimizer.step()
    schedule.step()

    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.075, 0.0225])
