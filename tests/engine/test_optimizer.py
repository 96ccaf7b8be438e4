"""Parameter groups and the poly schedule."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from atrous.engine.config import TrainConfig
from atrous.engine.optimizer import build_optimizer, build_schedule, poly
from atrous.models.build import build_model
from atrous.models.config import ModelConfig


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return build_model(ModelConfig(encoder="mobilenetv2_035", num_classes=3, decoder_channels=8))


def settings_of(model: nn.Module, **options: object) -> dict[str, tuple[float, float]]:
    """Learning rate and weight decay of each parameter, by its name."""
    optimizer = build_optimizer(model, TrainConfig(epochs=1, learning_rate=0.1, **options))
    by_identity = {
        id(parameter): (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    return {name: by_identity[id(parameter)] for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_every_parameter_is_in_exactly_one_group(model, optimizer):
    built = build_optimizer(model, TrainConfig(epochs=1, optimizer=optimizer))

    members = [id(p) for group in built.param_groups for p in group["params"]]
    assert sorted(members) == sorted(id(p) for p in model.parameters())


def test_only_the_weights_of_dense_convolutions_decay(model):
    modules = dict(model.named_modules())

    for name, (_, decay) in settings_of(model, weight_decay=0.5).items():
        module = modules[name.rpartition(".")[0]]
        dense = isinstance(module, nn.Conv2d) and module.groups == 1 and name.endswith(".weight")
        assert decay == (0.5 if dense else 0.0), name


def test_norms_biases_and_depthwise_kernels_are_all_there_and_do_not_decay(model):
    decays = settings_of(model, weight_decay=0.5)
    depthwise = {
        f"{name}.weight"
        for name, module in model.named_modules()
        if isinstance(module, nn.Conv2d) and module.groups > 1
    }
    flat = {name for name, parameter in model.named_parameters() if parameter.ndim == 1}

    assert depthwise
    assert all(decays[name][1] == 0 for name in depthwise | flat)


def test_the_encoder_learns_by_its_factor_and_the_rest_at_the_full_rate(model):
    for name, (rate, _) in settings_of(model, encoder_factor=0.3).items():
        assert rate == pytest.approx(0.03 if name.startswith("encoder.") else 0.1), name


def test_the_first_group_is_of_the_head(model):
    config = TrainConfig(epochs=1, learning_rate=0.1, encoder_factor=0.3)

    assert build_optimizer(model, config).param_groups[0]["lr"] == 0.1


@pytest.mark.parametrize(("name", "kind"), [("sgd", torch.optim.SGD), ("adamw", torch.optim.AdamW)])
def test_the_optimizer_is_the_one_that_is_named(model, name, kind):
    assert type(build_optimizer(model, TrainConfig(epochs=1, optimizer=name))) is kind


@given(st.integers(1, 10_000), st.data(), st.floats(0.5, 2.0))
def test_without_warm_up_poly_is_the_formula_of_the_paper(total_steps, data, power):
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


def test_the_warm_up_rises_evenly_and_hands_over_without_a_jump():
    factors = [poly(step, total_steps=20, warmup_steps=4) for step in range(21)]

    assert factors[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert factors[12] == pytest.approx(0.5**0.9)
    assert factors[20] == 0.0
    assert all(a > b for a, b in itertools.pairwise(factors[4:]))


@given(st.integers(1, 50), st.integers(0, 80), st.integers(0, 200))
def test_the_factor_is_always_between_0_and_1(total_steps, warmup_steps, step):
    assert 0.0 <= poly(step, total_steps=total_steps, warmup_steps=warmup_steps) <= 1.0


def test_the_schedule_multiplies_the_rate_of_every_group(model):
    config = TrainConfig(epochs=1, learning_rate=0.1, encoder_factor=0.3, poly_power=1.0)
    optimizer = build_optimizer(model, config)
    schedule = build_schedule(optimizer, config, total_steps=4)
    optimizer.step()
    schedule.step()

    rates = {round(group["lr"], 9) for group in optimizer.param_groups}
    assert rates == {0.075, 0.0225}
