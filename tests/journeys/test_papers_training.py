"""Runs with what the papers train with, from the recipe to the model file."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from atrous.recipes.recipe import Recipe, recipe_from
from atrous.recipes.run import run_training


class Silent:
    """A reporter that keeps the losses."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def started(self, **_: object) -> None:
        pass

    def stepped(self, progress) -> None:
        self.losses.append(progress.loss)

    def measuring(self, picture: int, of: int) -> None:
        pass

    def evaluated(self, epoch: int, evaluation: object) -> None:
        pass

    def told(self, sentence: str) -> None:
        pass


def recipe(**train: object) -> Recipe:
    settings = {"epochs": 1, "batch_size": 2, "seed": 0, **train}
    model = {"encoder": "mobilenetv2_035", "num_classes": 11, "decoder_channels": 8}
    data = {"layout": "camvid", "crop_size": [33, 33], "workers": 0}
    return recipe_from({"model": model, "data": data, "train": settings}, where="test")


def trained(data: Path, out: Path, **train: object) -> tuple[list[float], dict[str, torch.Tensor]]:
    reporter = Silent()
    run_training(recipe(**train), data, out=out, name="test", reporter=reporter)
    return reporter.losses, load_file(out / "last.safetensors")


@pytest.mark.parametrize(
    "train",
    [
        {"optimizer": "rmsprop", "schedule": "step", "decay_factor": 0.94, "decay_epochs": 0.5},
        {"nesterov": True, "slow_start_steps": 1, "ema_decay": 0.9, "ema_ramp": True},
        {"class_weights": "effective", "loss": {"focal": 1.0, "dice": 1.0, "lovasz": 1.0}},
        {"loss": {"cross_entropy": 1.0, "boundary": 0.1, "hard_fraction": 0.5, "hard_steps": 2}},
        {"loss": {"scales": [0.75, 1.0]}, "device_batch": 1},
    ],
    ids=["imagenet", "papers", "regions", "pixels", "scales"],
)
def test_a_run_with_other_mathematics_ends_with_finite_weights(train, camvid_like, tmp_path):
    losses, weights = trained(camvid_like, tmp_path / "run", **train)

    assert len(losses) == 2
    assert all(torch.isfinite(value).all() for value in weights.values())
    kept = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert kept["train"].items() >= {k: v for k, v in train.items() if k != "loss"}.items()


def test_frozen_norms_end_a_run_as_they_began(camvid_like, tmp_path):
    _, weights = trained(camvid_like, tmp_path / "run", norms="frozen")

    means = [value for name, value in weights.items() if name.endswith("running_mean")]
    assert means
    assert all((value == 0).all() for value in means)


def test_found_class_weights_are_those_given_as_numbers(camvid_like, tmp_path):
    # Every class has as many pixels as any other, but for rows lost to ignored pixels.
    found, _ = trained(camvid_like, tmp_path / "found", class_weights="inverse")
    plain, _ = trained(camvid_like, tmp_path / "plain")

    assert found == pytest.approx(plain, rel=0.2)
    assert found != plain
