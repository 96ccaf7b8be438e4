"""The process that measures one task: it opens the model, then times a run whenever it is told.

Reads lines and answers each with a line of JSON. The first one is the task, or ``matrices``; each
of the others names a run. A process of its own has its own memory, threads and caches, and sleeps
while others are measured.
"""

import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from atrous.errors import AtrousError
from atrous.speed.task import Task, peak_bytes

MATRICES = "matrices"
"""Instead of a task: times products of matrices."""


def replies(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """An answer for each line: facts of the task, then seconds; or why it is refused."""
    wanted = iter(lines)
    first = next(wanted, "").strip()
    try:
        yield from _matrix_replies(wanted) if first == MATRICES else _replies(first, wanted)
    except AtrousError as error:
        yield {"refused": str(error)}
    except MemoryError:
        yield {"refused": "the memory does not suffice"}


def _replies(first: str, lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    from atrous.speed.subject import Subject  # noqa: PLC0415 - matrices need no model

    with tempfile.TemporaryDirectory(prefix="atrous-speed-") as folder:
        subject = Subject(Task.from_json(first), Path(folder))
        yield asdict(subject.facts())
        for line in lines:
            yield {"seconds": subject.seconds(line.strip()), "peak_bytes": peak_bytes()}


def _matrix_replies(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    from atrous.speed.matrices import Matrices  # noqa: PLC0415 - models need none

    matrices = Matrices()
    yield {}
    for _ in lines:
        yield {"seconds": matrices.seconds()}


def main() -> None:
    """Answer what comes on standard input until it ends."""
    # What libraries print must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for reply in replies(sys.stdin):
        answers.write(json.dumps(reply) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
