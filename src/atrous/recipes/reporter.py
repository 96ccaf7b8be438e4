"""Who is told of what happens while a run goes on."""

from pathlib import Path
from typing import Protocol

from atrous.engine.evaluate import Evaluation
from atrous.engine.evaluate_classes import ClassEvaluation
from atrous.engine.train import Progress


class Reporter(Protocol):
    """Told of what happens while a run goes on."""

    def started(self, *, steps: int, steps_done: int, run: Path) -> None:
        """Training begins, or goes on from ``steps_done``."""

    def stepped(self, progress: Progress) -> None:
        """A step is done."""

    def measuring(self, picture: int, of: int) -> None:
        """One of so many pictures is being measured, counted from 1."""

    def evaluated(self, epoch: int, evaluation: Evaluation | ClassEvaluation) -> None:
        """The evaluation split was measured after ``epoch`` epochs."""

    def told(self, sentence: str) -> None:
        """Something has happened that the user should know."""


class Silent:
    """The reporter of all processes but the first."""

    def started(self, *, steps: int, steps_done: int, run: Path) -> None:
        """Keep quiet."""

    def stepped(self, progress: Progress) -> None:
        """Keep quiet."""

    def measuring(self, picture: int, of: int) -> None:
        """Keep quiet."""

    def evaluated(self, epoch: int, evaluation: Evaluation | ClassEvaluation) -> None:
        """Keep quiet."""

    def told(self, sentence: str) -> None:
        """Keep quiet."""
