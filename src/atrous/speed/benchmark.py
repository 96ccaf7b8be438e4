"""Engines, sizes and threads in turns, and what each takes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from atrous.errors import AtrousError
from atrous.speed.count import count_multiply_adds
from atrous.speed.matrices import FLOATING_POINT_OPERATIONS, kernels
from atrous.speed.process import Worker
from atrous.speed.task import Task
from atrous.speed.worker import MATRICES

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    models: Mapping[str, Path]
    """Files by the names that people know them by."""
    engines: Sequence[str]
    precisions: Sequence[str] = ("fp32",)
    sizes: Sequence[tuple[int, int]] = ((512, 512),)
    """Heights and widths of made-up pictures."""
    picture: Path | None = None
    """A picture to take instead, at its own size."""
    threads: Sequence[int] = (1,)
    rounds: int = 10


@dataclass
class Row:
    """One way to run one model, and what was measured of it so far."""

    model: str
    task: Task
    engine: str = ""
    """As it calls itself, once it is open."""
    size: tuple[int, int] | None = None
    """Of the picture."""
    seen: tuple[int, ...] = ()
    """Shape of what the network is given."""
    network: list[float] = field(default_factory=list)
    """Seconds of the network alone, of each round."""
    file: list[float] = field(default_factory=list)
    """Seconds from the picture's file to the mask's."""
    peak_bytes: int | None = None
    """Most memory of a process that does this and nothing else."""
    multiply_adds: int | None = None
    refused: str = ""
    """Why it could not be measured."""

    def take(self, worker: Worker) -> None:
        """Measure one round."""
        for what, seconds in (("network", self.network), ("file", self.file)):
            answer = worker.ask(what)
            seconds.append(answer["seconds"])
            self.peak_bytes = answer["peak_bytes"]


@dataclass
class Findings:
    """All that was measured so far; it can be read at any time."""

    rows: list[Row] = field(default_factory=list)
    matrix_seconds: dict[int, list[float]] = field(default_factory=dict)
    """Of products of matrices, by the number of threads."""

    def matrix_gflops(self, threads: int) -> float | None:
        """The most that this machine was seen to compute, in 10^9 operations a second."""
        seconds = self.matrix_seconds.get(threads)
        return FLOATING_POINT_OPERATIONS / min(seconds) / 1e9 if seconds else None

    def as_json(self) -> dict[str, Any]:
        """Everything, with the numbers that follow from it."""
        return {
            "matrix_gflops": {str(n): self.matrix_gflops(n) for n in self.matrix_seconds},
            "rows": [self._row(row) for row in self.rows],
        }

    def _row(self, row: Row) -> dict[str, Any]:
        gflops = gflops_of(row)
        peak = self.matrix_gflops(row.task.threads)
        return {
            "model": row.model,
            "engine": row.engine or row.task.engine,
            "precision": row.task.precision,
            "threads": row.task.threads,
            "size": row.size or row.task.size,
            "seen": row.seen[2:] or None,
            "network_ms": milliseconds(row.network),
            "network_p95_ms": milliseconds(row.network, 95),
            "file_ms": milliseconds(row.file),
            "file_p95_ms": milliseconds(row.file, 95),
            "pictures_per_second": 1 / float(np.median(row.file)) if row.file else None,
            "peak_bytes": row.peak_bytes,
            "multiply_adds": row.multiply_adds,
            "gflops": gflops,
            "share_of_peak": gflops / peak if gflops and peak else None,
            "rounds": len(row.file),
            "refused": row.refused or None,
        }


def milliseconds(seconds: Sequence[float], percentile: float = 50) -> float | None:
    """A percentile of some times; None if there are none.

    Examples:
        >>> milliseconds([0.001, 0.002, 0.009])
        2.0
    """
    return float(np.percentile(seconds, percentile)) * 1e3 if seconds else None


def gflops_of(row: Row) -> float | None:
    """Operations of the network in 10^9 a second; a multiply-add is two."""
    if not row.multiply_adds or not row.network:
        return None
    return 2 * row.multiply_adds / float(np.median(row.network)) / 1e9


def run(plan: Plan, findings: Findings, tell: Tell) -> None:
    """Measure all of a plan, one size after the other, and within a size in turns.

    Every row has a process of its own, which sleeps while others are measured, so that a machine
    that slows down slows all of them, and no engine's threads or memory are another's.

    Args:
        plan: What to measure.
        findings: Filled as it goes on, so that an interruption leaves what was measured.
        tell: Is told what comes next.
    """
    for size in plan.sizes:
        rows = [Row(name, task, size=task.size) for name, task in _tasks(plan, size)]
        findings.rows += rows
        with ExitStack() as stack:
            opened = list(_open(rows, stack, tell))
            _count(row for row, _ in opened)
            if opened:
                _take_turns(opened, plan, findings, stack, tell)


def _tasks(plan: Plan, size: tuple[int, int]) -> Iterator[tuple[str, Task]]:
    for (name, path), engine, precision, threads in product(
        plan.models.items(), plan.engines, plan.precisions, plan.threads
    ):
        picture = str(plan.picture or "")
        task = Task(str(path), picture, None if picture else size, engine, precision, threads)
        yield name, task


def _open(rows: Sequence[Row], stack: ExitStack, tell: Tell) -> Iterator[tuple[Row, Worker]]:
    for row in rows:
        tell(f"opening {row.model} on {row.task.engine}, {row.task.threads} threads")
        try:
            worker = Worker(row.task.to_json(), threads=row.task.threads)
        except AtrousError as error:
            row.refused = str(error)
            continue
        stack.enter_context(worker)
        facts = worker.facts
        row.engine, row.peak_bytes = facts["engine"], facts["peak_bytes"]
        row.size, row.seen = tuple(facts["size"]), tuple(facts["seen"])
        yield row, worker


def _count(rows: Iterator[Row]) -> None:
    """Multiply-adds of every row; those that cannot be counted stay None."""
    known: dict[tuple[str, tuple[int, ...]], int | None] = {}
    for row in rows:
        key = row.task.model, row.seen
        if key not in known:
            try:
                known[key] = count_multiply_adds(Path(row.task.model), row.seen)
            except AtrousError:
                known[key] = None
        row.multiply_adds = known[key]


def _take_turns(
    opened: list[tuple[Row, Worker]],
    plan: Plan,
    findings: Findings,
    stack: ExitStack,
    tell: Tell,
) -> None:
    yardsticks = [
        (threads, stack.enter_context(Worker(MATRICES, threads=threads, settings=settings)))
        for threads in plan.threads
        for settings in kernels()
    ]
    for index in range(plan.rounds):
        tell(f"round {index + 1} of {plan.rounds}")
        for threads, worker in yardsticks:
            seconds = worker.ask(MATRICES)["seconds"]
            findings.matrix_seconds.setdefault(threads, []).append(seconds)
        for row, worker in list(opened):
            try:
                row.take(worker)
            except AtrousError as error:
                row.refused = str(error)
                opened.remove((row, worker))
