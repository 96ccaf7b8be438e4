"""Published results that a measurement may be held against."""

from collections.abc import Iterator
from dataclasses import dataclass

from atrous.labels import LabelSet
from atrous.weights.zoo.catalogue import CHECKPOINTS


@dataclass(frozen=True)
class PublishedResult:
    """One published mean IoU."""

    name: str
    """Of the official checkpoint."""
    output_stride: int
    """Of the encoder while it was measured."""
    mean_iou: float
    """Between 0 and 1."""


def published_results(
    label_set: LabelSet, *, split: str, scales: tuple[float, ...], flip: bool
) -> Iterator[PublishedResult]:
    """Results of official checkpoints on the same classes and split, measured with the same looks.

    Args:
        label_set: The classes.
        split: Such as ``val``.
        scales: Factors on the picture's size whose softmax was averaged.
        flip: Whether each scale was also seen mirrored.
    """
    for name, checkpoint in CHECKPOINTS.items():
        if checkpoint.labels is None or checkpoint.labels.names != label_set.names:
            continue
        for found in checkpoint.evaluations:
            # A dataset may spell out what the release calls val.
            same_split = split.startswith(found.split.rpartition(" ")[2])
            if same_split and (found.scales, found.flip) == (scales, flip):
                yield PublishedResult(name, found.output_stride, found.mean_iou)
