"""How often classes are there, and what that suggests."""

from collections import Counter
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atrous.data.doctor import check_dataset
from atrous.data.doctor.frequencies import median_frequency_weights
from data.broken_datasets import draw_labels, write_dataset

pictures = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=20), min_size=1, max_size=6)


@given(pictures)
def test_weights_are_those_of_the_definition(labels):
    shares = {}
    for index in range(3):
        showing = [picture for picture in labels if index in picture]
        labelled = sum(value < 3 for picture in showing for value in picture)
        if showing:
            shares[index] = sum(p.count(index) for p in showing) / labelled

    found = median_frequency_weights(map(Counter, labels), 3)

    for index, weight in enumerate(found):
        expected = median(shares.values()) / shares[index] if index in shares else None
        assert weight == (None if expected is None else pytest.approx(expected))


def test_pixels_and_pictures_are_counted_by_split(tmp_path):
    cat = check_dataset(write_dataset(tmp_path / "set")).classes[1]

    assert cat.pixels == {
        "train": sum(int((draw_labels(seed) == 1).sum()) for seed in range(6)),
        "val": sum(int((draw_labels(seed) == 1).sum()) for seed in range(6, 9)),
    }
    assert cat.pictures == {"train": 6, "val": 3}


def test_shares_are_of_the_labelled_pixels(tmp_path):
    classes = check_dataset(write_dataset(tmp_path / "set")).classes
    labels = np.stack([draw_labels(seed) for seed in range(9)])

    # Ratios of whole numbers below 2^53: equal to the last bit but one.
    assert [row.share for row in classes] == pytest.approx(
        [(labels == index).mean() for index in range(3)], rel=1e-12
    )


def test_the_crop_is_the_usual_one_that_covers_the_median_picture(tmp_path):
    suggestion = check_dataset(write_dataset(tmp_path / "set")).suggestion

    assert suggestion.crop_size == (49, 65)
    assert suggestion.scale == (0.5, 2.0)
    assert suggestion.median == (48, 64)


def test_camvid_has_the_shares_that_its_notes_give(camvid_root):
    classes = check_dataset(camvid_root).classes
    labelled = sum(row.pixels["train"] for row in classes)
    shares = [100 * row.pixels["train"] / labelled * 0.960 for row in classes]

    # The notes round to one decimal, and count the 4.0 % that are unlabelled too.
    noted = [16.9, 23.3, 1.0, 31.7, 4.5, 9.7, 1.2, 1.1, 5.9, 0.6, 0.3]
    assert shares == pytest.approx(noted, abs=0.1)
