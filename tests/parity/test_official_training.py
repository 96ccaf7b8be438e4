"""Our training step against steps that the official TensorFlow code took elsewhere.

The labels of those steps are not stored, so losses and gradients cannot be computed anew. What does
not depend on labels can: the penalty on the weights, the learning rates, the statistics of batch
norms behind a step, and which variables move. Whole steps with known labels are compared in
`test_official_steps.py`.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from atrous.engine.config import TrainConfig
from atrous.engine.norms import apply_norm_policy
from atrous.engine.optimizer import build_optimizer
from atrous.engine.schedule import learning_rate_factor
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


def settings_of(model: Segmenter, config: TrainConfig) -> dict[str, tuple[float, float]]:
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
