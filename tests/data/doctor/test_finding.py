"""The kinds of faults."""

from pathlib import Path

import pytest

from atrous.data.doctor import KINDS

PAGE = Path(__file__).parents[3] / "docs" / "data-check.md"


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_explained_in_the_docs_as_in_a_report(name):
    kind = KINDS[name]

    assert f"| {kind.severity} | {kind.title} | {kind.advice} |" in PAGE.read_text("utf-8")
