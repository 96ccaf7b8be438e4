"""Trackers get the numbers of a run, and cannot break it."""

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from atrous.errors import ConfigError, DependencyError
from atrous.recipes import trackers as module
from atrous.recipes.trackers import Trackers, check_trackers, open_trackers, trackers_from


class Remembers:
    def __init__(self, *, fails: bool = False) -> None:
        self.fails, self.given = fails, []

    def log(self, values, step) -> None:
        self.given.append((step, values))
        if self.fails:
            raise OSError("no network\nat all")

    def log_images(self, values, step, **_layout) -> None:
        self.log({name: images.shape for name, images in values.items()}, step)

    def finish(self) -> None:
        self.given.append("finished")


def test_an_unknown_tracker_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match="--log wand: no such tracker; did you mean 'wandb'"):
        check_trackers(["wand"])


def test_a_tracker_that_is_not_installed_is_named_with_its_command(monkeypatch):
    monkeypatch.setattr(module, "is_installed", lambda _: False)

    with pytest.raises(DependencyError, match="--log comet_ml: needs comet-ml; pip install comet"):
        check_trackers(["comet_ml"])


def test_tensorboard_is_taken_where_it_is_installed(monkeypatch):
    assert trackers_from(None) == ("tensorboard",)
    monkeypatch.setattr(module, "is_installed", lambda _: False)
    assert trackers_from(None) == ()


def test_a_folder_called_like_a_tracker_is_none(tmp_path, monkeypatch):
    (tmp_path / "swanlab").mkdir()
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(DependencyError, match="--log swanlab: needs swanlab; pip install swanlab"):
        check_trackers(["swanlab"])


def test_a_tracker_that_fails_is_told_of_once_and_the_others_go_on():
    broken, whole, told = Remembers(fails=True), Remembers(), []
    trackers = Trackers({"mlflow": lambda: broken, "wandb": lambda: whole}, told.append)
    for step in (1, 2):
        trackers.log({"loss": 0.5}, step)
    trackers.finish()

    assert told == ["mlflow takes nothing more down: no network; the run goes on without it"]
    assert broken.given == [(1, {"loss": 0.5})]
    assert whole.given == [(1, {"loss": 0.5}), (2, {"loss": 0.5}), "finished"]


def test_a_tracker_that_does_not_begin_is_told_of():
    def begin():
        raise RuntimeError

    told = []
    Trackers({"wandb": begin}, told.append).log({"loss": 1.0}, 1)

    assert told == ["wandb takes nothing more down: RuntimeError; the run goes on without it"]


def test_pictures_go_to_trackers_that_take_them():
    wandb, mlflow = Remembers(), Remembers()
    trackers = Trackers({"wandb": lambda: wandb, "mlflow": lambda: mlflow}, print)
    trackers.show("samples", np.zeros((2, 3, 3), np.uint8), 7)

    assert wandb.given == [(7, {"samples": (1, 2, 3, 3)})]
    assert mlflow.given == []


def scalars_of(folder) -> list[tuple[int, float]]:
    events = EventAccumulator(str(folder)).Reload()
    return [(event.step, event.value) for event in events.Scalars("loss")]


def test_tensorboard_goes_on_in_its_folder_from_the_step_that_was_saved(tmp_path):
    def begin(step: int) -> Trackers:
        return open_trackers(("tensorboard",), tmp_path, step=step, settings={}, told=pytest.fail)

    for first, values in ((0, {10: 4.0, 20: 3.0, 30: 2.0}), (20, {30: 1.0})):
        trackers = begin(first)
        for step, loss in values.items():
            trackers.log({"loss": loss}, step)
        trackers.show("samples", np.zeros((2, 3, 3), np.uint8), 30)
        trackers.finish()

    assert scalars_of(tmp_path / "tensorboard") == [(10, 4.0), (20, 3.0), (30, 1.0)]
