"""What a run leaves for people to look at while it goes on: sheets, trackers, the model card."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from atrous.engine.evaluate import Evaluation, Watcher
from atrous.engine.fingerprint import Fingerprint
from atrous.engine.train import Progress
from atrous.imaging import write_file
from atrous.labels import LabelSet
from atrous.recipes.card_page import NAME as CARD_PAGE
from atrous.recipes.card_page import Origin, card_page
from atrous.recipes.samples import SampleSheet, write_sheet
from atrous.recipes.trackers import Trackers
from atrous.runtime.card import ModelCard

STEPS_BETWEEN_NUMBERS = 10
"""Of what trackers are given of steps; some ask a server each time."""
_FIRST_SHEETS, _SHEETS_BETWEEN = 20, 10
"""Trackers get the first sheets and every tenth after them: TensorBoard holds half a megabyte for
each, and never drops one."""


MakeWatchers: TypeAlias = Callable[[LabelSet], Sequence[Watcher]]
"""Onlookers of a measurement, for the classes of the data."""


@dataclass(frozen=True)
class Onlookers:
    """Who looks on while a run goes on, beside its reporter."""

    trackers: tuple[str, ...] = ()
    """Names, see `atrous.recipes.trackers`."""
    at_the_end: MakeWatchers | None = None
    """Makes what is shown every picture of the last measurement, in the first process."""


NOBODY = Onlookers()


class Journal:
    """Kept by the first process of a run.

    Args:
        out: The run folder.
        label_set: Of the data.
        origin: For the model card.
        seen: Pictures of the evaluation split that this process measures.
        trackers: Are given numbers and sheets.
    """

    def __init__(
        self,
        out: Path,
        label_set: LabelSet,
        origin: Origin,
        *,
        seen: int,
        trackers: Trackers,
    ) -> None:
        self._out, self._label_set, self._origin = out, label_set, origin
        self._seen = seen
        self._trackers = trackers
        self._sheet = SampleSheet(seen, label_set)
        self._fingerprint: Fingerprint | None = None
        self._clock = _Clock()
        self._sheets = 0

    def stepped(self, progress: Progress) -> None:
        """Take a step down."""
        self._clock.add(progress)
        if progress.step % STEPS_BETWEEN_NUMBERS == 0:
            self._trackers.log(self._clock.numbers(), progress.step)
            self._clock = _Clock()

    def watchers(self) -> list[Watcher]:
        """New ones, to look on while this process's share of the split is measured."""
        self._sheet = SampleSheet(self._seen, self._label_set)
        return [self._sheet]

    def watchers_of_all(self) -> list[Watcher]:
        """What has to see every picture, whichever process measures it, once in a run."""
        self._fingerprint = Fingerprint()
        return [self._fingerprint]

    def measured(self, evaluation: Evaluation, *, epoch: int, step: int) -> None:
        """Write the sheet of a measurement, and give everything to the trackers.

        Raises:
            ResourceError: If the sheet cannot be written.
        """
        scores = {"mean_iou": evaluation.mean_iou, "pixel_accuracy": evaluation.pixel_accuracy}
        classes = {f"iou/{name}": iou for name, iou in evaluation.iou.items() if iou is not None}
        self._trackers.log({**scores, **classes, "epoch": epoch}, step)
        sheet = self._sheet.draw(f"after epoch {epoch}: mean IoU {evaluation.mean_iou:.2%}")
        if sheet is not None:
            write_sheet(self._out, epoch, sheet)
            if self._sheets < _FIRST_SHEETS or self._sheets % _SHEETS_BETWEEN == 0:
                self._trackers.show("samples", sheet, step)
            self._sheets += 1
        self._clock = _Clock()

    def describe(self, card: ModelCard, *, best: tuple[int, float]) -> None:
        """Write the model card.

        Args:
            card: Of the model that was measured last, with its result.
            best: Epoch and mean IoU of the best model.

        Raises:
            ResourceError: If it cannot be written.
        """
        fingerprint = self._fingerprint.hexdigest() if self._fingerprint else None
        page = card_page(card, self._origin, best=best, fingerprint=fingerprint).encode()
        write_file(self._out / CARD_PAGE, lambda file: file.write(page), overwrite=True)

    def close(self) -> None:
        """Let the trackers write what is left."""
        self._trackers.finish()


class _Clock:
    """Losses and time since numbers were last given."""

    def __init__(self) -> None:
        self._losses: list[float] = []
        self._rate, self._images, self._since = 0.0, 0, time.monotonic()

    def add(self, progress: Progress) -> None:
        self._rate = progress.learning_rate
        self._images += progress.images
        if not progress.skipped:
            self._losses.append(progress.loss)

    def numbers(self) -> dict[str, float]:
        """The mean loss, the learning rate and the pace."""
        seconds = max(time.monotonic() - self._since, 1e-9)
        found = {"learning_rate": self._rate, "images_per_second": self._images / seconds}
        if self._losses:
            found["loss"] = sum(self._losses) / len(self._losses)
        return found
