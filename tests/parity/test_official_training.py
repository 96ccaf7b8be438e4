"""Our training step against steps that the official TensorFlow code took.

The labels of those steps are not stored, so losses and gradients cannot be computed anew. What does
not depend on labels can: the penalty on the weights, the learning rates, the statistics of batch
norms behind a step, and which variables move, under which multiplier. The update itself is held
against the official rule, written out, on a network of our own. (Losses and their gradients have
stored labels of their own: `tests/losses/test_cross_entropy.py`.)
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from atrous.engine.config import TrainConfig
from atrous.engine.norms import apply_norm_policy
from atrous.engine.optimizer import build_optimizer
from atrous.engine.schedule import learning_rate_factor
from atrous.models.build import build_model
from atrous.models.config import ModelConfig
from atrous.models.segmenter import Segmenter
from parity.official import build_official, official_names, pictures

RUNS = ("bn", "frozen_bn", "frozen_mult10")


def stored(oracle: Path, run: str):
    """The arrays of an official run, and its settings."""
    arrays = np.load(oracle / f"train_mobilenet_v2_{run}.npz")
    return arrays, json.loads(str(arrays["meta"]))


def released_config(meta: dict) -> TrainConfig:
    """Our settings for an official run."""
    return TrainConfig(
        epochs=1,
        learning_rate=meta["base_lr"],
        poly_power=meta["power"],
        momentum=meta["momentum"],
        weight_decay=meta["weight_decay"],
        last_layer_factor=meta["last_layer_gradient_multiplier"],
        bias_factor=2.0,
    )


def released_network() -> Segmenter:
    model = build_official("mobilenet_v2", output_stride=16)
    # A copy, as a step would change the weights that later tests use.
    model.load_state_dict({k: v.clone() for k, v in model.state_dict().items()}, assign=True)
    return model


def settings_of(model: nn.Module, config: TrainConfig) -> dict[str, tuple[float, float]]:
    """Learning rate and weight decay of each parameter."""
    of = {
        id(parameter): (group["lr"], group["weight_decay"])
        for group in build_optimizer(model, config).param_groups
        for parameter in group["params"]
    }
    return {name: of[id(parameter)] for name, parameter in model.named_parameters()}


@pytest.mark.parametrize("run", RUNS)
def test_the_learning_rates_are_those_of_the_official_run(run, oracle):
    arrays, meta = stored(oracle, run)

    factor = learning_rate_factor(released_config(meta), total_steps=meta["total_steps"])

    rates = [meta["base_lr"] * factor(step) for step in range(meta["steps"])]
    np.testing.assert_allclose(rates, arrays["lr"], rtol=1e-6)  # float32


@pytest.mark.parametrize("run", RUNS)
def test_the_penalty_is_on_the_same_weights(run, oracle):
    arrays, meta = stored(oracle, run)
    model = released_network()
    decays = settings_of(model, released_config(meta))

    penalty = sum(
        decays[name][1] * parameter.detach().double().square().sum().item() / 2
        for name, parameter in model.named_parameters()
    )

    # A sum of 2 million squares in float32; the smallest penalized kernel makes 1e-4 of it.
    assert penalty == pytest.approx(float(arrays["reg"][0]), rel=3e-6)


def test_the_statistics_behind_a_step_are_those_of_the_official_run(oracle):
    arrays, _ = stored(oracle, "bn")
    model = released_network().train()

    with torch.no_grad():
        model(pictures(4, 65, 65))

    state = model.state_dict()
    for ours, theirs in official_names("mobilenet_v2", state):
        if theirs.endswith(("moving_mean", "moving_variance")) and f"v:{theirs}" in arrays:
            # Rounding of float32 through up to 53 layers.
            np.testing.assert_allclose(state[ours], arrays[f"v:{theirs}"], atol=2e-6, err_msg=ours)


def test_frozen_statistics_let_the_same_variables_move_as_in_the_official_run(oracle):
    # Not so with norms that learn: offsets that a next norm takes away move by rounding alone.
    arrays, meta = stored(oracle, "frozen_bn")
    theirs = dict(zip(json.loads(str(arrays["names"])), arrays["delta_norm"] > 0, strict=True))
    model = released_network().train()
    apply_norm_policy(model, "frozen_statistics")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = build_optimizer(model, released_config(meta))

    model(pictures(4, 65, 65)).square().mean().backward()
    optimizer.step()

    state = model.state_dict()
    moved = {
        name: not torch.equal(state[ours], before[ours])
        for ours, name in official_names("mobilenet_v2", state)
    }
    assert moved == theirs


def test_last_layers_are_those_that_the_official_multiplier_speeds_up(oracle):
    slow, meta = stored(oracle, "frozen_bn")
    fast, fast_meta = stored(oracle, "frozen_mult10")
    model = released_network()
    names = json.loads(str(slow["names"]))
    one, ten = (settings_of(model, released_config(m)) for m in (meta, fast_meta))
    multiplied = {
        theirs: ten[ours][0] / one[ours][0]
        for ours, theirs in official_names("mobilenet_v2", model.state_dict())
        if ours in one
    }

    # The runs took 3 and 2 steps: along one gradient they would go 0.0346 and 0.0191 times it.
    ratios = fast["delta_norm"] / np.maximum(slow["delta_norm"], 1e-30) * 0.0346 / 0.0191
    for name, ratio in zip(names, ratios, strict=True):
        if name in multiplied:
            assert 0.5 < ratio / multiplied[name] < 2, name


def test_two_steps_are_those_of_the_official_rule():
    torch.manual_seed(0)
    model = build_model(
        ModelConfig(encoder="mobilenetv2_035", num_classes=3, decoder_channels=8)
    ).double()
    config = TrainConfig(
        epochs=1, learning_rate=0.01, weight_decay=0.1, last_layer_factor=10.0, bias_factor=2.0
    )
    optimizer = build_optimizer(model, config)
    expected = {name: value.detach().clone() for name, value in model.named_parameters()}
    speed = {name: torch.zeros_like(value) for name, value in expected.items()}

    for _ in range(2):
        for parameter in model.parameters():
            parameter.grad = torch.randn_like(parameter)
        for name, parameter in model.named_parameters():
            dense = parameter.ndim == 4 and (parameter.shape[1] > 1)
            pull = parameter.grad + (0.1 * expected[name] if dense else 0)
            multiplier = 1.0 if name.startswith("encoder.") else 10.0
            multiplier *= 2.0 if name == "classifier.bias" else 1.0
            speed[name] = 0.9 * speed[name] + multiplier * pull
            expected[name] = expected[name] - 0.01 * speed[name]
        optimizer.step()

    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.detach(), expected[name], msg=name)


def test_moving_statistics_follow_the_unbiased_variance_by_one_less_the_decay():
    norm = nn.BatchNorm2d(1, momentum=3e-3)
    x = torch.tensor([1.0, 2.0, 4.0, 9.0]).reshape(4, 1, 1, 1)

    norm(x)

    assert norm.running_mean.item() == pytest.approx(0.003 * 4)
    assert norm.running_var.item() == pytest.approx(0.997 + 0.003 * 38 / 3)
