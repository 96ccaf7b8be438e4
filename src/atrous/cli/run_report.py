"""The report that a run ends with, from what its last measurement saw."""

from collections.abc import Sequence
from pathlib import Path

from atrous.engine.evaluate import Measured, Watcher
from atrous.engine.fingerprint import Fingerprint
from atrous.errors import InputError
from atrous.labels import LabelSet
from atrous.metrics.confusion import ConfusionMatrix
from atrous.recipes.run_folder import CONVENTION
from atrous.reports.build import Collected, build_report, write_page
from atrous.reports.collect import Pictures, Worst
from atrous.reports.learning import read_learning
from atrous.reports.report import Convention, ModelFacts


class RunReport:
    """Looks on while the last model of a run is measured, so that it is not measured again."""

    def __init__(self) -> None:
        self._seen: tuple[LabelSet, Collected, _Total] | None = None

    def watchers(self, label_set: LabelSet) -> Sequence[Watcher]:
        """New ones, for data of these classes."""
        found = Collected(Pictures(), Fingerprint(), None, Worst(label_set), None, None)
        total = _Total(ConfusionMatrix(label_set.num_classes, ignore_index=label_set.ignore_index))
        self._seen = label_set, found, total
        return [*found.watchers, total]

    def write(self, run: Path, *, name: str, split: str) -> Path | None:
        """Write ``report.json`` and ``report.html`` into the run folder.

        Args:
            run: The run folder.
            name: What the model is called.
            split: Which split was measured.

        Returns:
            The page; None if nothing was seen, as in all processes but the first.

        Raises:
            ResourceError: If it cannot be written.
        """
        if self._seen is None:
            return None
        label_set, found, total = self._seen
        try:
            learning = read_learning(run)
        except InputError:
            learning = ()
        report = build_report(
            total.matrix,
            label_set,
            found,
            model=ModelFacts(name=f"{name}, last.safetensors", engine="torch"),
            split=split,
            convention=Convention(protocol=None, text=CONVENTION),
            learning=learning,
        )
        return write_page(run, report, found.worst.worst_first() if found.worst else ())


class _Total:
    """The confusion matrix of all pictures."""

    def __init__(self, matrix: ConfusionMatrix) -> None:
        self.matrix = matrix

    def see(self, picture: Measured) -> None:
        """Add a picture."""
        self.matrix.merge(picture.matrix)
