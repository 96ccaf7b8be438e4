"""A task made ready, and the runs of it that are timed."""

import time
from collections.abc import Callable
from pathlib import Path

from atrous.runtime.predictor import Predictor, prepare, read_source
from atrous.speed.picture import write_picture
from atrous.speed.task import Facts, Task, peak_bytes
from atrous.weights.load import load


class Subject:
    """A model and a picture, opened and run once.

    Args:
        task: What to open.
        folder: For the mask that is written, and the picture if it is made up.

    Raises:
        AtrousError: If the model cannot be opened, or cannot run.
    """

    def __init__(self, task: Task, folder: Path) -> None:
        self._mask = folder / "mask.png"
        self._predictor = at_longest_side(
            load(
                task.model,
                engine=task.engine,
                precision=task.precision,
                threads=task.threads,
                flip=task.flip,
            ),
            task.longest_side,
        )
        preprocessing = self._predictor.card.preprocessing
        self._picture = (
            write_picture(folder, task.size, preprocessing.kind)
            if task.size and not task.picture
            else Path(task.picture)
        )
        source = read_source(self._picture, self._predictor.max_pixels, preprocessing.kind)
        self._pixels = source.pixels
        self._images = prepare(source.pixels, preprocessing)
        self.runs: dict[str, Callable[[], object]] = {
            "network": lambda: self._predictor.engine.run(self._images),
            "labels": lambda: self._predictor.predict_pixels(self._pixels),
            "file": self._from_file_to_file,
        }
        """What can be timed: the network alone, from pixels to labels, from file to mask file."""
        self._from_file_to_file()

    def facts(self) -> Facts:
        """What is known of it."""
        height, width = self._pixels.shape[:2]
        name = self._predictor.engine.name
        return Facts(name, (height, width), self._images.shape, peak_bytes())

    def seconds(self, what: str) -> float:
        """Time of one run."""
        start = time.perf_counter()
        self.runs[what]()
        return time.perf_counter() - start

    def _from_file_to_file(self) -> None:
        self._predictor.predict(self._picture).save(self._mask, overwrite=True)


def at_longest_side(predictor: Predictor, longest_side: int | None) -> Predictor:
    """A predictor whose network sees pictures at another size; None leaves it as it is."""
    if longest_side is None:
        return predictor
    card = predictor.card
    changed = card.preprocessing.model_copy(update={"longest_side": longest_side})
    return Predictor(
        predictor.engine,
        card.model_copy(update={"preprocessing": changed}),
        max_pixels=predictor.max_pixels,
        test_time=predictor.test_time,
    )
