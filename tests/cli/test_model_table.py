import json

import pytest

from atrous.cli.main import main
from atrous.weights.zoo import reproduce
from atrous.weights.zoo.reproduce import Comparison

ROWS = (
    Comparison("A table", "a network", 54.17, 54.05, True, 16, 12, "as it is"),
    Comparison("A table", "another", 5.6, None, True, 32, 1, "not built here"),
    Comparison("Sizes", "a network", 41_055_413, 41_055_413, True),
)
WRONG = Comparison("Sizes", "a network", 100, 103, False)


def run(*arguments):
    with pytest.raises(SystemExit) as exit_info:
        main(list(arguments))
    return exit_info.value.code


@pytest.fixture(autouse=True)
def few_rows(monkeypatch):
    monkeypatch.setattr(reproduce, "compare_all", lambda: iter(ROWS))


def test_published_and_counted_stand_side_by_side(capsys):
    assert run("model", "table") == 0

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["a", "network", "16", "12", "54.17", "B", "54.05", "B", "-0.22%", "(1)"] in lines
    assert ["another", "32", "1", "5.60", "B", "-", "-", "(2)"] in lines
    assert ["a", "network", "41,055,413", "41,055,413", "none"] in lines
    assert ["(1)", "as", "it", "is"] in lines


def test_the_same_as_markdown(capsys):
    assert run("model", "table", "--markdown") == 0

    out = capsys.readouterr().out
    assert "### A table\n\n| network | stride | looks |" in out
    assert "| a network | 16 | 12 | 54.17 B | 54.05 B | -0.22% | (1) |" in out


def test_a_number_that_is_off_makes_the_command_fail(monkeypatch, capsys):
    monkeypatch.setattr(reproduce, "compare_all", lambda: iter((*ROWS, WRONG)))

    assert run("model", "table", "--json") == 1

    captured = capsys.readouterr()
    assert captured.err == "atrous: Sizes: a network is off by +3.00%\n"
    report = json.loads(captured.out)
    assert not report["ok"]
    assert report["result"]["rows"][-1]["counted"] == 103
