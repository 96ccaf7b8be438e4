"""Means, intervals, and which seeds are compared."""

import math

import pytest
from scipy import stats

from atrous.errors import InputError
from experiments.catalogue import EXPERIMENTS
from experiments.compare import difference, estimate, records_of
from experiments.records import Record, append_record, read_records

VALUES = (0.41, 0.44, 0.39, 0.47, 0.42, 0.40)


@pytest.mark.parametrize("count", range(2, 7))
def test_intervals_are_those_of_scipy(count):
    found = estimate(VALUES[:count])

    low, high = stats.ttest_1samp(VALUES[:count], 0).confidence_interval(0.95)
    # Quantiles are rounded to three decimals.
    assert (found.mean - found.reach, found.mean + found.reach) == pytest.approx(
        (low, high), rel=1e-3
    )


def test_differences_are_taken_seed_by_seed():
    others = [value - 0.02 for value in VALUES]

    found = difference(VALUES, others)

    assert (found.mean, found.spread) == pytest.approx((0.02, 0.0), abs=1e-12)
    assert found.excludes_zero


def test_a_single_seed_has_no_interval():
    found = estimate([0.5])

    assert math.isnan(found.reach)
    assert not found.excludes_zero


def record(settings, *, seed, score=0.5):
    """A training that never was."""
    return Record("classification", settings, 10, seed, 1, 1, 0.0, {"accuracy": score}, [])


def test_seeds_that_one_setting_lacks_are_left_out():
    with_, without = EXPERIMENTS["residual"].settings.values()
    there = [record(with_, seed=0), record(with_, seed=1), record(without, seed=1)]

    found = records_of(EXPERIMENTS["residual"], {r.key: r for r in there}, steps=10)

    assert [[r.seed for r in rows] for rows in found.values()] == [[1], [1]]


def test_records_come_back_from_their_file(tmp_path):
    records = [record({"atrous_rates": ()}, seed=0), record({}, seed=3, score=0.25)]
    for one in records:
        append_record(tmp_path / "runs.jsonl", one)

    found = read_records(tmp_path / "runs.jsonl")

    assert list(found) == [one.key for one in records]
    assert found[records[1].key] == records[1]


def test_a_line_that_was_cut_off_is_named(tmp_path):
    path = tmp_path / "runs.jsonl"
    append_record(path, record({}, seed=0))
    path.write_text(path.read_text() + '{"task": "classif')

    with pytest.raises(InputError, match=r"runs\.jsonl, line 2: .* trained again"):
        read_records(path)
