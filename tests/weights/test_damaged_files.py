"""Damaged files of every kind; ``tools/damage_files.py`` runs thousands, with limits on memory."""

import re

import pytest

from weights.damage import KINDS, Attempts

CASES = 40
SLOW_CASES = 5
"""Of kinds for which each case builds a network or starts a process."""


@pytest.fixture(params=KINDS)
def attempt(request, tmp_path):
    return request.param, Attempts(KINDS[request.param], tmp_path)


def test_a_damaged_file_is_read_or_refused_and_nothing_else(attempt):
    kind, read = attempt
    slow = re.search(r"whole|safetensors|ONNX|\.h5|\.keras", kind)

    ends = [read(seed) for seed in range(SLOW_CASES if slow else CASES)]

    assert set(ends) <= {"read", "refused"}
    assert "refused" in ends
