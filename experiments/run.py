"""Train what the experiments need and has not been trained yet."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from atrous.layers.count import count_multiply_adds, count_parameters
from experiments.catalogue import EXPERIMENTS
from experiments.records import Record, append_record, read_records, run_key
from experiments.tasks import TASKS, Settings
from experiments.training import fixed_batches, train

COURSE_POINTS = 5
"""How often a score is taken on the way, the end included."""


def run_experiments(
    names: Sequence[str],
    *,
    seeds: int,
    out: Path,
    steps: int | None = None,
    test_pictures: int | None = None,
    tell: Callable[[str], None],
) -> None:
    """Train every setting of experiments with every seed, and append the results to a file.

    What the file holds already is left out, so that a run that was stopped goes on. Seed after
    seed is finished, so that a run that is stopped early has compared all settings as often.

    Args:
        names: Keys into `EXPERIMENTS`.
        seeds: How many, from 0.
        out: JSON lines.
        steps: Optimizer steps of each training; None for the task's own.
        test_pictures: How many to measure on; None for the task's own number.
        tell: Called with a line for each network.
    """
    there = set(read_records(out))
    for task, settings, seed in _trainings(names, seeds):
        wanted = steps or TASKS[task].train.steps or 1
        key = run_key(task, settings, steps=wanted, seed=seed)
        if key in there:
            continue
        record = train_once(task, settings, seed=seed, steps=wanted, test_pictures=test_pictures)
        append_record(out, record)
        there.add(key)
        score = record.course[-1][1]
        tell(f"{task} {key[1]} seed {seed}: {score:.3f} in {record.seconds:.0f} s")


def _trainings(names: Sequence[str], seeds: int) -> Iterator[tuple[str, Settings, int]]:
    for seed in range(seeds):
        for name in names:
            for settings in EXPERIMENTS[name].settings.values():
                yield EXPERIMENTS[name].task, settings, seed


def train_once(
    task_name: str,
    settings: Settings,
    *,
    seed: int,
    steps: int,
    test_pictures: int | None = None,
) -> Record:
    """Train one network and measure it on the way and at the end.

    Args:
        task_name: Key into `TASKS`.
        settings: What differs from the task's own network.
        seed: Of the first weights and of the pictures, so that settings are compared on the same.
        steps: Optimizer steps.
        test_pictures: How many to measure on; None for the task's own number.
    """
    task, began = TASKS[task_name], time.monotonic()
    torch.manual_seed(seed)
    network = task.build(settings)
    tests = fixed_batches(task.draw, pictures=test_pictures or task.test_pictures)
    points = {steps * point // COURSE_POINTS for point in range(1, COURSE_POINTS)}
    course: list[tuple[int, float]] = []
    config = task.train.model_copy(update={"steps": steps, "seed": seed})
    for step in train(network, task.draw, task.loss, config=config):
        if step in points:
            # The course needs no more than a share of the pictures.
            early = task.measure(network, tests[: max(len(tests) // 2, 1)])
            course.append((step, float(early[task.score])))  # type: ignore[arg-type]
    scores = task.measure(network, tests)
    course.append((steps, float(scores[task.score])))  # type: ignore[arg-type]
    return Record(
        task=task_name,
        settings=dict(settings),
        steps=steps,
        seed=seed,
        weights=count_parameters(network),
        multiply_adds=count_multiply_adds(network, 1, 3, task.side, task.side),
        seconds=round(time.monotonic() - began, 1),
        scores=scores,
        course=course,
    )
