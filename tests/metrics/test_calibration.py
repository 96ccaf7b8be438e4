"""The expected calibration error against its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atrous.metrics.calibration import Calibration

VOID = 255
# Thousandths, so that rounding to millionths moves no pixel into another bin.
pixels = st.lists(
    st.tuples(st.integers(0, 1000), st.booleans(), st.booleans()), min_size=1, max_size=40
)


def maps_of(drawn):
    confidence = np.array([[thousandths / 1000 for thousandths, _, _ in drawn]])
    labels = np.array([[VOID if ignored else int(not right) for _, right, ignored in drawn]])
    return np.zeros_like(labels), confidence, labels


@given(pixels)
def test_the_error_is_the_one_of_the_definition(drawn):
    calibration = Calibration(bins=10)
    calibration.update(*maps_of(drawn))

    kept = [(sure, right) for sure, right, ignored in drawn if not ignored]
    total = 0.0
    for index in range(10):
        inside = [(s / 1000, r) for s, r in kept if min(s // 100, 9) == index]
        total += abs(sum(r for _, r in inside) - sum(s for s, _ in inside))
    expected = total / len(kept) if kept else float("nan")
    assert calibration.error() == pytest.approx(expected, abs=1e-9, nan_ok=True)


@given(pixels, st.integers(0, 40))
def test_merged_parts_are_the_whole(drawn, cut):
    whole, first, second = Calibration(), Calibration(), Calibration()
    whole.update(*maps_of(drawn))
    for part, some in ((first, drawn[:cut]), (second, drawn[cut:])):
        if some:
            part.update(*maps_of(some))

    np.testing.assert_array_equal(first.merge(second).counts, whole.counts)


def test_reliability_is_probability_and_accuracy_of_each_bin():
    calibration = Calibration(bins=2)
    calibration.update(np.array([0, 0]), np.array([0.6, 0.8]), np.array([0, 1]))

    np.testing.assert_allclose(calibration.reliability(), [[np.nan, 0.7], [np.nan, 0.5]])


@pytest.mark.parametrize("wrong", [-0.1, 1.1, np.nan])
def test_what_is_no_probability_is_refused(wrong):
    with pytest.raises(ValueError, match="between 0 and 1"):
        Calibration().update(np.array([0]), np.array([wrong]), np.array([0]))


def test_other_bins_are_not_merged():
    with pytest.raises(ValueError, match="15 and 10 bins"):
        Calibration().merge(Calibration(bins=10))
