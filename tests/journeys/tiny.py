"""A small run for tests that break it off: dropout, an average, and steps of two parts."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from atrous.engine.checkpoint import load_newest
from atrous.engine.evaluate import Evaluation
from atrous.engine.train import Progress
from atrous.recipes.recipe import Recipe, recipe_from
from atrous.recipes.run import run_training

STEPS = 20


class Notes:
    """A reporter that remembers what it is told, and calls a function after each step."""

    def __init__(self, after_step: Callable[[Progress], object] = lambda _: None) -> None:
        self.after_step = after_step
        self.steps: list[Progress] = []
        self.sentences: list[str] = []
        self.measured: list[tuple[int, int]] = []
        self.steps_done = 0

    def started(self, *, steps: int, steps_done: int, run: Path) -> None:  # noqa: ARG002
        self.steps_done = steps_done

    def stepped(self, progress: Progress) -> None:
        self.steps.append(progress)
        self.after_step(progress)

    def measuring(self, picture: int, of: int) -> None:
        self.measured.append((picture, of))

    def evaluated(self, epoch: int, evaluation: Evaluation) -> None:
        pass

    def told(self, sentence: str) -> None:
        self.sentences.append(sentence)


def tiny(*, workers: int = 0, **train: object) -> Recipe:
    """Steps of 3 samples, in parts of 2 and 1, on data of `write_camvid_like`."""
    model = {
        "encoder": "mobilenetv2_035",
        "num_classes": 11,
        "decoder_channels": 16,
        "reduced_channels": 8,
    }
    data = {"layout": "camvid", "crop_size": [40, 48], "workers": workers}
    settings = {
        "steps": STEPS,
        "batch_size": 3,
        "device_batch": 2,
        "optimizer": "adamw",
        "learning_rate": 0.01,
        "precision": "fp32",
        "norm_momentum": 0.3,
        "ema_decay": 0.5,
        "evaluate_every": 100,
        **train,
    }
    return recipe_from({"model": model, "data": data, "train": settings}, where="the test")


def run(recipe: Recipe, data: Path, out: Path, notes: Notes | None = None, **options: Any) -> Notes:
    notes = notes or Notes()
    run_training(recipe, data, out=out, name="tiny", reporter=notes, **options)
    return notes


def in_child(work: Callable[[], object], *, seconds: float = 60) -> int | None:
    """Do something in a process of its own, and give its exit code; negative for a signal."""
    process = multiprocessing.get_context("fork").Process(target=work)
    process.start()
    process.join(seconds)
    code = process.exitcode
    process.kill()
    process.join()
    return code


def state_in(out: Path) -> dict[str, Any]:
    found = load_newest(out / "checkpoints")
    assert found is not None
    return found.state


def assert_same(found: Any, expected: Any, where: str = "") -> None:
    """Equal bit for bit, tensors and all that holds them."""
    if isinstance(expected, torch.Tensor):
        assert torch.equal(found, expected), where
    elif isinstance(expected, dict):
        assert found.keys() == expected.keys(), where
        for key, value in expected.items():
            assert_same(found[key], value, f"{where}.{key}")
    elif isinstance(expected, list | tuple):
        assert len(found) == len(expected), where
        for index, value in enumerate(expected):
            assert_same(found[index], value, f"{where}.{index}")
    else:
        assert found == expected, where
