"""The time of a step, and where it is told."""

import tomllib

import torch

from atrous.models.segmenter import Segmenter
from atrous.recipes.plan_file import with_estimate
from atrous.recipes.step_time import step_seconds
from journeys.tiny import tiny


def test_a_step_takes_the_time_of_its_samples():
    assert step_seconds(tiny(batch_size=600)) > step_seconds(tiny(batch_size=3)) > 0


def test_where_there_is_no_memory_nothing_is_claimed(monkeypatch):
    def short(*_):
        raise torch.OutOfMemoryError("made up")

    monkeypatch.setattr(Segmenter, "forward", short)
    assert step_seconds(tiny()) is None


def test_an_estimate_stands_on_top_of_a_plan_as_a_comment():
    text = with_estimate("[train]\nepochs = 3\n", "About 3 min. " * 20)

    assert text.startswith("# About 3 min.")
    assert max(map(len, text.splitlines())) <= 100
    assert tomllib.loads(text) == {"train": {"epochs": 3}}
