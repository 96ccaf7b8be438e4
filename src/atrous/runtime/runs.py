"""Masks as lengths of runs: uncovered, covered, uncovered and so on."""

import numpy as np
from numpy.typing import NDArray


def run_lengths(covered: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Lengths of the runs along the rows, the first of them uncovered and perhaps 0.

    For runs along the columns, as COCO has them, give the mask transposed.
    """
    changes = np.flatnonzero(np.diff(covered.ravel(), prepend=False))
    return np.diff(np.concatenate([[0], changes, [covered.size]]))


def coco_text(counts: NDArray[np.int64]) -> str:
    """COCO's text of run lengths: 5 bits a character, from the third on as differences."""
    characters = []
    for place, count in enumerate(counts.tolist()):
        value = count - int(counts[place - 2]) if place > 2 else count
        more = True
        while more:
            bits = value & 31
            value >>= 5
            # The last character's fifth bit is the sign of all.
            more = value != (-1 if bits & 16 else 0)
            characters.append(chr(48 + bits + (32 if more else 0)))
    return "".join(characters)
