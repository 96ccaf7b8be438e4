"""The command."""

import shutil
import sys

import pytest

from experiments.__main__ import main
from experiments.page import PAGE


def command(monkeypatch, *arguments):
    """Exit code of the command."""
    monkeypatch.setattr(sys, "argv", ["experiments", *map(str, arguments)])
    try:
        main()
    except SystemExit as error:
        return error.code
    return 0


def test_a_run_of_other_steps_is_drawn_into_a_page_of_its_own(tmp_path, monkeypatch, capsys):
    runs, page = tmp_path / "mine.jsonl", tmp_path / "mine.md"
    shutil.copy(PAGE, page)

    short = ("--steps", 1)
    assert command(monkeypatch, "run", "residual", "--seeds", 1, "--out", runs, *short) == 0
    assert command(monkeypatch, "draw", "--runs", runs, "--page", page, *short) == 0

    assert len(capsys.readouterr().out.splitlines()) == 2
    table = page.read_text().partition("<!-- experiment residual -->\n")[2]
    assert table.startswith("Seeds: 1.\n")
    assert (tmp_path / "images" / "experiments" / "residual.svg").exists()


def test_a_page_that_is_not_there_is_named_and_nothing_is_made(tmp_path, monkeypatch, capsys):
    assert command(monkeypatch, "draw", "--page", tmp_path / "none" / "page.md") == 2

    assert "none/page.md" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("seeds", ["0", "-1", "many"])
def test_numbers_that_are_none_are_refused(seeds, monkeypatch, capsys):
    assert command(monkeypatch, "run", "aspp", "--seeds", seeds) == 2

    assert f"must be a whole number from 1, not {seeds}" in capsys.readouterr().err
