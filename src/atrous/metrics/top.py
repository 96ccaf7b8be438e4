"""How often the right class is among the most probable ones."""

from typing import Self

import numpy as np
from numpy.typing import NDArray


class TopAccuracy:
    """Counts of pictures whose class is the most probable one, and among the five most probable.

    Examples:
        >>> top = TopAccuracy()
        >>> top.update(np.array([[0.1, 0.9], [0.6, 0.4]]), np.array([1, 1]))
        >>> top.top1, top.top5
        (0.5, 1.0)
    """

    def __init__(self) -> None:
        self.counts: NDArray[np.int64] = np.zeros(3, np.int64)
        """Pictures, those right at once, those right within five."""

    def update(self, scores: NDArray[np.floating], labels: NDArray[np.integer]) -> None:
        """Add a batch.

        Args:
            scores: (B, C), logits or probabilities. Of equal ones the lower index comes first, and
                nan comes last.
            labels: (B,) class indices.
        """
        best = np.argsort(-scores, axis=1, kind="stable")[:, :5]
        right = best == labels[:, None]
        self.counts += [len(labels), right[:, 0].sum(), right.sum()]

    def merge(self, other: Self) -> None:
        """Add the counts of another part of the pictures."""
        self.counts += other.counts

    @property
    def pictures(self) -> int:
        """How many were counted."""
        return int(self.counts[0])

    @property
    def top1(self) -> float:
        """Share of pictures whose class is the most probable one; nan without pictures."""
        return self._share(1)

    @property
    def top5(self) -> float:
        """Share of pictures whose class is among the five most probable ones."""
        return self._share(2)

    def _share(self, place: int) -> float:
        return float(self.counts[place] / self.counts[0]) if self.pictures else float("nan")
