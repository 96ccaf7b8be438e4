"""A made-up evaluation, from samples to a report, without a model or files."""

import numpy as np

from atrous.data.sample import Pair, Sample
from atrous.engine.evaluate import measure
from atrous.engine.protocols import DEFAULT
from atrous.labels import LabelSet
from atrous.reports.build import build_report, collected
from atrous.reports.report import Convention, ModelFacts

LABELS = LabelSet(("sky", "road & <b>curb</b>", "car"), ((0, 0, 90), (90, 90, 90), (200, 0, 0)))
SIZE = (40, 60)


class Split:
    """Pictures in memory: sky above road, with a car that moves to the right."""

    def __init__(self, count=5, *, name="p<{}>"):
        self.label_set = LABELS
        self.pairs: tuple[Pair, ...] = ()
        self.samples = [self._sample(index, name.format(index)) for index in range(count)]

    @staticmethod
    def _sample(index, name):
        labels = np.zeros(SIZE, np.uint8)
        labels[20:] = 1
        labels[24:32, 4 + 6 * index : 14 + 6 * index] = 2
        labels[:2] = 255
        image = np.repeat(labels[..., None] * 80, 3, axis=2).astype(np.uint8)
        return Sample(name, image, labels)

    def predict(self, *, shift=1):
        """A predictor that is off by some pixels, but by none on the first picture."""
        answers = {
            sample.image.tobytes(): np.roll(sample.labels, shift * turn, axis=1) % 255
            for turn, sample in enumerate(self.samples)
        }
        confidence = np.full(SIZE, 0.75, np.float32)
        return lambda image: (answers[image.tobytes()].astype(np.uint8), confidence)


def evaluated(*, count=5, shift=1, protocol=DEFAULT, published=(), extra=True):
    """The report, the worst pictures and the matrix of a made-up evaluation."""
    split = Split(count)
    found = collected(LABELS, details=True, boundary=extra, calibration=extra)
    matrix, _ = measure(
        split.predict(shift=shift), split, split.samples, protocol=protocol, watchers=found.watchers
    )
    report = build_report(
        matrix,
        LABELS,
        found,
        model=ModelFacts(name=f"off by {shift}", engine="made up"),
        split="val",
        convention=Convention(
            protocol=None, text="as it comes", void_is_wrong=protocol.void_is_wrong
        ),
        published=published,
    )
    return report, found.worst.worst_first(), matrix
