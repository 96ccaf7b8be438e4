"""The process that measures, from inside and from outside."""

import json
import sys

import numpy as np
import pytest

from atrous.errors import ConfigError, ResourceError
from atrous.speed.process import Worker
from atrous.speed.task import Task, peak_bytes
from atrous.speed.worker import MATRICES, replies
from known_network import CARD, write_known_network


@pytest.fixture
def task(known_network):
    return Task(str(known_network), size=(40, 60), engine="onnx")


def test_a_task_survives_its_line(task):
    assert Task.from_json(task.to_json()) == task


def test_each_run_is_timed_and_the_facts_come_first(task):
    facts, *answers = replies([task.to_json(), "network\n", "labels\n", "file\n"])

    assert facts["engine"] == "onnxruntime"
    assert facts["size"] == (40, 60)
    assert facts["seen"] == (1, 3, 40, 60)
    assert len(answers) == 3
    assert all(answer["seconds"] > 0 for answer in answers)


def test_the_network_sees_pictures_at_the_size_that_the_task_says(known_network):
    (facts,) = replies([Task(str(known_network), size=(40, 60), longest_side=90).to_json()])

    assert facts["seen"] == (1, 3, 60, 90)


def test_a_picture_of_other_kinds_of_pixels_is_made_up_too(tmp_path):
    preprocessing = CARD.preprocessing.model_copy(update={"bits": 16})
    card = CARD.model_copy(update={"preprocessing": preprocessing})
    model = write_known_network(tmp_path / "deep.onnx", card=card)

    facts, answer = replies([Task(str(model), size=(40, 60)).to_json(), "file"])

    assert facts["size"] == (40, 60)
    assert answer["seconds"] > 0


def test_what_cannot_be_opened_is_refused_with_the_reason(task, tmp_path):
    (answer,) = replies([Task(str(tmp_path / "missing.onnx"), size=(9, 9)).to_json()])

    assert "missing.onnx: no such model file" in answer["refused"]


def test_products_of_matrices_are_timed():
    opened, answer = replies([MATRICES, "again"])

    assert opened == {}
    assert answer["seconds"] > 0


def test_a_process_answers_and_has_its_own_memory(task):
    # Memory of this process that its child must not be charged with.
    ours = np.ones(100_000_000, np.uint8)

    with Worker(task.to_json(), threads=1) as worker:
        answer = worker.ask("file")

    assert answer["seconds"] > 0
    assert answer["peak_bytes"] is None or answer["peak_bytes"] < peak_bytes() - ours.size // 2


def test_a_refusal_of_a_process_is_an_error_here(tmp_path):
    script = 'input(); print(\'{"refused": "no such engine"}\')'

    with pytest.raises(ConfigError, match="no such engine"):
        Worker("x", threads=1, command=(sys.executable, "-c", script))


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("input(); raise SystemExit('it broke')", "it broke"),
        ("import os; input(); os.kill(os.getpid(), 9)", "signal 9"),
    ],
)
def test_a_process_that_dies_is_told_with_its_last_words(script, reason):
    with pytest.raises(ResourceError, match=reason):
        Worker("x", threads=1, command=(sys.executable, "-c", script))


def test_threads_and_settings_reach_the_process():
    script = (
        "import json, os; input(); "
        "print(json.dumps({name: os.environ[name] for name in ('OMP_NUM_THREADS', 'EXTRA')}))"
    )

    command = (sys.executable, "-c", script)
    with Worker("x", threads=3, settings={"EXTRA": "1"}, command=command) as worker:
        assert json.loads(json.dumps(worker.facts)) == {"OMP_NUM_THREADS": "3", "EXTRA": "1"}
