"""Classes of datasets that do not name them."""

from pathlib import Path

import numpy as np

from atrous.data.description import DATASET_FILE
from atrous.data.layout import Listing
from atrous.errors import DatasetError
from atrous.labels import LabelSet, numbered_label_set


def count_classes(training: Listing, root: Path, *, ignore_index: int = 255) -> LabelSet:
    """Classes numbered by what the labels of the training split hold.

    Raises:
        DatasetError: If they hold fewer than two classes, or more than fit below 255.
    """
    seen: set[int] = set()
    for pair in training.pairs:
        # The size is that of a map which is stored, and is not looked at.
        seen |= set(np.unique(pair.labels.read((0, 0))).tolist())
    seen.discard(ignore_index)
    first = training.pairs[0].labels.path if training.pairs else root
    if max(seen, default=0) < 1:
        raise DatasetError(
            f"the labels beside {first} hold no class but {sorted(seen) or ignore_index}; expected "
            f"at least classes 0 and 1. If 255 marks a class: atrous data check {root} --toml-to "
            f"{root / DATASET_FILE}"
        )
    if max(seen) > ignore_index:
        raise DatasetError(
            f"the labels beside {first} hold classes up to {max(seen)}, past the {ignore_index} "
            "that marks ignored pixels; write names and ignore into dataset.toml"
        )
    return numbered_label_set(max(seen) + 1, ignore_index=ignore_index)
