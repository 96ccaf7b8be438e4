"""The page shows what the file of results says."""

import shutil

import numpy as np
import pytest
from PIL import Image

from experiments.catalogue import EXPERIMENTS
from experiments.compare import records_of
from experiments.page import PAGE, RUNS, table, write_page
from experiments.records import Record, read_records
from experiments.tasks import TASKS

IMAGES = "images/experiments"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The page and its charts, made again."""
    folder = tmp_path_factory.mktemp("docs")
    shutil.copy(PAGE, folder / PAGE.name)
    write_page(RUNS, folder / PAGE.name)
    return folder


def test_the_tables_of_the_page_are_those_of_the_results(drawn):
    assert (drawn / PAGE.name).read_text() == PAGE.read_text()


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_charts_of_the_page_are_those_of_the_results(name, drawn):
    def chart(docs):
        return (docs / IMAGES / f"{name}.svg").read_text()

    assert chart(drawn) == chart(PAGE.parent)


def test_the_drawings_of_the_page_are_those_that_are_learnt(drawn):
    ours, theirs = (
        np.asarray(Image.open(docs / IMAGES / "drawings.png")).astype(int)
        for docs in (drawn, PAGE.parent)
    )

    # Sines may be rounded otherwise on other processors.
    assert np.abs(ours - theirs).max() <= 1


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_several_seeds_stand_behind_each_comparison(name):
    experiment = EXPERIMENTS[name]
    steps = TASKS[experiment.task].train.steps

    found = records_of(experiment, read_records(RUNS), steps=steps)

    assert all(len(rows) >= 5 for rows in found.values())


def test_only_differences_outside_of_chance_are_bold():
    def rows(*scores):
        return [
            Record("classification", {}, 1, seed, 1, 1, 0.0, {"accuracy": score}, [])
            for seed, score in enumerate(scores)
        ]

    text = table(
        EXPERIMENTS["residual"],
        {"with": rows(0.5, 0.6, 0.7), "less": rows(0.4, 0.51, 0.6), "alike": rows(0.6, 0.5, 0.7)},
    )

    assert "| -9.7 (-11.1 to -8.2)" in text.replace("**", "")
    assert text.count("**") == 2
