"""Every experiment runs, in miniature."""

import pytest

from experiments.catalogue import EXPERIMENTS
from experiments.records import read_records
from experiments.run import run_experiments


def run(name, out, *, told=None, steps=2):
    told = [] if told is None else told
    run_experiments([name], seeds=1, out=out, steps=steps, test_pictures=4, tell=told.append)
    return told


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_setting_is_trained_and_measured(name, tmp_path):
    run(name, tmp_path / "runs.jsonl")

    records = read_records(tmp_path / "runs.jsonl").values()
    assert len(records) == len(EXPERIMENTS[name].settings)
    assert all(0 <= record.course[-1][1] <= 1 for record in records)


def test_what_is_there_is_not_trained_again(tmp_path):
    run("residual", tmp_path / "runs.jsonl")

    assert run("residual", tmp_path / "runs.jsonl") == []


def test_other_steps_are_another_training(tmp_path):
    run("residual", tmp_path / "runs.jsonl")

    assert len(run("residual", tmp_path / "runs.jsonl", steps=3)) == 2


def test_a_training_repeats_itself(tmp_path):
    for folder in "ab":
        run("residual", tmp_path / folder / "runs.jsonl", steps=5)

    first, again = (read_records(tmp_path / f / "runs.jsonl").values() for f in "ab")
    assert [r.course for r in first] == [r.course for r in again]
