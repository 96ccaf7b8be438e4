import json

import pytest

from atrous.models.config import ModelConfig
from atrous.weights.zoo.published import (
    PublishedCount,
    PublishedSize,
    published_counts,
    published_sizes,
)
from atrous.weights.zoo.reproduce import compare_counts, compare_sizes, count, scaled

SMALL = ModelConfig(encoder="resnet18_beta", decoder="deeplabv3", num_classes=2, atrous_rates=())


def row(published, **options):
    options = {"config": SMALL, "output_stride": 16, "size": (65, 33)} | options
    return PublishedCount("a table", "a network", published=published, **options)


def test_every_published_number_of_multiply_adds_is_met():
    assert [found.what for found in compare_counts(published_counts()) if not found.ok] == []


def test_every_published_number_of_parameters_is_met_to_the_digit():
    found = list(compare_sizes(published_sizes()))

    assert [(row.what, row.counted) for row in found] == [
        (row.what, row.published) for row in found
    ]


def test_scales_and_mirror_images_are_added_up():
    once = {scale: count(row(1.0, size=(scaled(65, scale), scaled(33, scale)))) for scale in (1, 2)}

    both = count(row(1.0, scales=(1.0, 2.0), flip=True))

    assert both == pytest.approx(2 * (once[1] + once[2]))


@pytest.mark.parametrize(("share", "ok"), [(1.002, True), (0.998, True), (1.004, False)])
def test_a_number_that_is_off_is_told(share, ok):
    counted = count(row(1.0))

    (found,) = compare_counts([row(counted * share)])

    assert found.ok == ok
    assert found.difference == pytest.approx(1 / share - 1)


def test_one_parameter_too_many_is_told():
    size = PublishedSize("a table", "a network", SMALL, 21_000_000)

    (found,) = compare_sizes([size])

    assert not found.ok


def test_a_network_that_is_not_built_is_listed_without_a_count():
    (found,) = compare_counts([row(5.6, config=None)])

    assert (found.counted, found.difference, found.note) == (
        None,
        None,
        "This network is not built here.",
    )


@pytest.mark.parametrize("published", [101.28, 52.43, 74.20, 15.95, 4.63])
def test_what_does_not_fit_has_a_note_that_says_why(published):
    assert row(published).note
    assert not row(89.76).note


def test_the_profilers_numbers_are_those_of_the_tables(oracle):
    # An independent list: what was published beside each graph that was profiled.
    profiled = json.loads((oracle / "madds.json").read_text())
    rows = {(row.published, row.output_stride) for row in published_counts()}

    wanted = {
        (graph["published_B"], graph["output_stride"]) for graph in profiled if graph["published_B"]
    }

    assert wanted - rows == set()
