"""A run on the terminal: a bar, or a line now and then, and how to go on at its end."""

import shlex
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from atrous.cli.terminal import Meter, Terminal
from atrous.cli.train_job import PLAN, write_plan
from atrous.errors import AtrousError
from atrous.weights.formats.safetensors_card import read_safetensors_card

if TYPE_CHECKING:
    from atrous.engine.evaluate import Evaluation
    from atrous.engine.evaluate_classes import ClassEvaluation
    from atrous.engine.train import Progress

_RECENT = 50
"""Steps that speed is taken from."""


class Pace:
    """How fast a run goes, and when it will end.

    Speed is that of the last steps. What is left is the steps at that speed and the measurements
    that are due between them, each as long as the last one; before the first one nothing is known
    of them. Checkpoints and other pauses count to the step after them.

    Args:
        clock: Seconds from any moment on.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()
        self._steps: deque[tuple[float, int]] = deque(maxlen=_RECENT)
        self._since_measured = 0
        self._between, self._measuring = 0, 0.0

    def stepped(self, images: int) -> None:
        """A step over so many pictures is done."""
        now = self._clock()
        self._steps.append((now - self._last, images))
        self._last = now
        self._since_measured += 1

    def measured(self) -> None:
        """A measurement is over, that began when the last step was done."""
        now = self._clock()
        self._measuring, self._between = now - self._last, max(self._since_measured, 1)
        self._last, self._since_measured = now, 0

    @property
    def images_per_second(self) -> float:
        """Of the last steps; 0 before any."""
        seconds = sum(seconds for seconds, _ in self._steps)
        return sum(images for _, images in self._steps) / seconds if seconds > 0 else 0.0

    def seconds_left(self, steps: int) -> float:
        """Of so many steps and the measurements between them."""
        if not self._steps:
            return 0.0
        each = sum(seconds for seconds, _ in self._steps) / len(self._steps)
        # One more is due after the last step, wherever in its epoch that is.
        due = -(-(steps + self._since_measured) // self._between) if self._between else 0
        return steps * each + due * self._measuring


class RunDisplay:
    """Shows a run: a bar on a terminal, else a line now and then."""

    def __init__(self, terminal: Terminal, meter: Meter, *, plan: str | None = None) -> None:
        self._terminal = terminal
        self._plan = plan
        self._meter = meter
        self._steps = 0
        self._pace = Pace()
        self._best = -1.0
        self._score = ""

    def started(self, *, steps: int, steps_done: int, run: Path) -> None:
        """Training begins, or goes on from ``steps_done``."""
        if self._plan and not (run / PLAN).exists():
            write_plan(run / PLAN, self._plan)
        self._steps, self._pace = steps, Pace()
        self._best = _best_in(run) if steps_done else -1.0
        after = f" after the {steps_done} that are done" if steps_done else ""
        self._terminal.say(f"training {steps - steps_done} steps{after} into {run}")

    def stepped(self, progress: "Progress") -> None:
        """A step is done."""
        self._pace.stepped(progress.images)
        left = self._pace.seconds_left(self._steps - progress.step)
        self._meter.advance(
            progress.step,
            self._steps,
            f"epoch {progress.epoch + 1}  loss {progress.loss:.3f}{self._score}  "
            f"{self._pace.images_per_second:.1f} pictures/s  {duration(left)} left",
        )

    def measuring(self, picture: int, of: int) -> None:
        """One of so many pictures is being measured; the bar of steps stands still meanwhile."""
        self._meter.status(f"measuring picture {picture} of {of}{self._score}")

    def evaluated(self, epoch: int, evaluation: "Evaluation | ClassEvaluation") -> None:
        """The evaluation split was measured after ``epoch`` epochs."""
        self._pace.measured()
        score = evaluation.score
        self._score = f"  {evaluation.SCORE} {score:.1%}"
        self._meter.status(f"epoch {epoch}{self._score}")
        better = ", the best so far" if score > self._best else ""
        self._best = max(self._best, score)
        self._meter.note(f"epoch {epoch}: {evaluation.in_words}{better}")

    def told(self, sentence: str) -> None:
        """Something has happened that the user should know."""
        self._terminal.warn(sentence)


def _best_in(run: Path) -> float:
    """The mean IoU, or of classifiers top-1, of the best model so far; -1 without one."""
    try:
        result = read_safetensors_card(run / "best.safetensors").result
        return float(result["mean_iou"] if "mean_iou" in result else result["top1"])
    except (AtrousError, KeyError, TypeError, ValueError):
        return -1.0


def duration(seconds: float) -> str:
    """A length of time in its two largest units.

    Examples:
        >>> duration(5), duration(200), duration(7260)
        ('5 s', '3 min 20 s', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def show_end(
    terminal: Terminal, run: Path, data: Path, found: "Evaluation", *, report: Path | None
) -> None:
    """Say what a run came to and where it is, and how to go on.

    Args:
        terminal: Where to.
        run: The run folder.
        data: The dataset, for commands.
        found: The last measurement.
        report: The page of the last measurement, if there is one.
    """
    best, last = run / "best.safetensors", run / "last.safetensors"
    best = best if best.is_file() else last  # where nothing is labelled, no score is the best
    result = read_safetensors_card(best).result
    terminal.show(
        f"best mIoU {result['mean_iou']:.2%} on {result['split']}, after epoch {result['epoch']}: "
        f"{best}",
        f"last mIoU {found.mean_iou:.2%}: {last}",
    )
    if report:
        terminal.show(f"report of the last: {report}")
    terminal.say("go on with:")
    for words in (
        ("predict", "PICTURES", "--model", best),
        ("evaluate", best, data),
        ("export", best, run / "best.onnx"),
    ):
        terminal.say(f"  {shlex.join(['atrous', *map(str, words)])}")
    terminal.give(
        "train",
        {
            "run": str(run),
            "mean_iou": found.mean_iou,
            "iou": found.iou,
            "best": {"file": str(best), **result},
            "report": str(report) if report else None,
        },
    )
