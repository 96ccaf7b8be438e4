"""Results as JSON lines, one for each network that was trained."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from atrous.errors import InputError

RunKey: TypeAlias = tuple[str, str, int, int]


@dataclass(frozen=True)
class Record:
    """What one training came to."""

    task: str
    settings: dict[str, Any]
    steps: int
    seed: int
    weights: int
    """Numbers that are learnt."""
    multiply_adds: int
    """For one picture."""
    seconds: float
    """Of training and measuring, on whatever else the machine did."""
    scores: dict[str, Any]
    course: list[tuple[int, float]]
    """Steps, and the task's score after them."""

    @property
    def key(self) -> RunKey:
        """What tells one training from another."""
        return run_key(self.task, self.settings, steps=self.steps, seed=self.seed)


def run_key(task: str, settings: Mapping[str, object], *, steps: int, seed: int) -> RunKey:
    """What tells one training from another, whichever experiments it belongs to."""
    return task, json.dumps(dict(settings), sort_keys=True), steps, seed


def read_records(path: Path) -> dict[RunKey, Record]:
    """The records of a file; none if there is no file yet.

    Raises:
        InputError: If a line is none.
    """
    if not path.exists():
        return {}
    records = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        try:
            record = Record(**json.loads(line))
        except (ValueError, TypeError):
            raise InputError(
                f"{path}, line {number}: is no result of an experiment, perhaps because its "
                "writing was cut off; delete the line, and it is trained again"
            ) from None
        records[record.key] = record
    return records


def append_record(path: Path, record: Record) -> None:
    """Add a line, which other processes that write there cannot break into."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(asdict(record)) + "\n")
