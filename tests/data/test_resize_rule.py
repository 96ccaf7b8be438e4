"""Sizes are those of DeepLab's release."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atrous.data.resize_rule import size_in_range

sides = st.integers(1, 3000)


def test_sizes_are_those_of_the_official_graph(oracle):
    with np.load(oracle / "misc.npz") as values:
        cases = json.loads(str(values["pre_cases"]))
        found = {i: values[f"pre{i}_xception_65_original_shape"][:2] for i in range(len(cases))}
    resized = {i: case for i, case in enumerate(cases) if "lo" in case}

    assert len(resized) == 4
    for i, case in resized.items():
        size = size_in_range(
            (case["h"], case["w"]),
            smallest=case["lo"],
            largest=case["hi"],
            multiple=case["factor"],
        )
        assert size == tuple(found[i])


@pytest.mark.parametrize(
    ("size", "multiple", "expected"),
    [
        # By hand: 600 / 400 = 1.5, and 1.5 * 300 = 450.
        ((300, 400), None, (450, 600)),
        # 513 is 32 * 16 + 1 and stays; 384 becomes 24 * 16 + 1.
        ((384, 513), 16, (385, 513)),
        # A square may be as large as the shorter side.
        ((100, 100), None, (513, 513)),
    ],
)
def test_sizes_by_hand(size, multiple, expected):
    largest = 600 if multiple is None else 513

    assert size_in_range(size, smallest=513, largest=largest, multiple=multiple) == expected


@given(sides, sides, st.integers(33, 600), st.integers(0, 600), st.integers(1, 32))
def test_sides_never_pass_the_largest_and_are_multiples_and_one(
    height, width, smallest, more, multiple
):
    largest = smallest + more
    size = size_in_range((height, width), smallest=smallest, largest=largest, multiple=multiple)

    assert min(size) >= 1
    assert all((side - 1) % multiple == 0 for side in size)
    assert max(size) <= max(largest, multiple + 1)
