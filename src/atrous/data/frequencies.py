"""How many pixels each class has."""

import numpy as np

from atrous.data.sample import PairList, read_labels


def count_pixels(pairs: PairList) -> tuple[int, ...]:
    """Labelled pixels of each class over a whole split, which is read once for it.

    Raises:
        DatasetError: If labels do not fit the classes.
        InputError: If a file cannot be read.
    """
    num_classes, ignore_index = pairs.label_set.num_classes, pairs.label_set.ignore_index
    counts = np.zeros(num_classes, np.int64)
    for pair in pairs.pairs:
        labels = read_labels(pair, pairs.label_set).astype(np.int64)
        counts += np.bincount(labels[labels != ignore_index], minlength=num_classes)
    return tuple(counts.tolist())
