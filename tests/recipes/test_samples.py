"""Sheets of what a network predicts while it trains."""

import numpy as np
import pytest

from atrous.data.sample import Sample
from atrous.engine.evaluate import Measured
from atrous.labels import LabelSet
from atrous.metrics.confusion import ConfusionMatrix
from atrous.recipes.samples import SampleSheet, write_sheet

LABELS = LabelSet(("ground", "thing"), ((10, 120, 10), (20, 20, 240)))
CELL, GAP, TOP = (210, 280), 8, 52


def measured(labels, predicted, *, channels: int = 3) -> Measured:
    image = np.full((*labels.shape, channels), 77, np.uint8)
    sample = Sample("a", image, labels)
    return Measured(sample, labels, predicted, None, ConfusionMatrix(LABELS.num_classes), 0.1)


def halves(*, size=(42, 56)) -> Measured:
    """Left ground, right thing, the lowest quarter ignored; all taken for things."""
    labels = np.zeros(size, np.uint8)
    labels[:, size[1] // 2 :] = 1
    labels[-size[0] // 4 :] = 255
    return measured(labels, np.ones(size, np.uint8))


def middle_of(sheet, column: int, *, right: bool, row: int = 0):
    """The colour in the upper middle of one half of a cell."""
    across = 3 if right else 1
    top = TOP + row * (CELL[0] + GAP) + CELL[0] // 3
    return tuple(sheet[top, GAP + column * (CELL[1] + GAP) + across * CELL[1] // 4].tolist())


def test_a_row_shows_picture_truth_prediction_and_errors():
    sheet = SampleSheet(1, LABELS)
    sheet.see(halves())
    drawn = sheet.draw("title")

    left, right = (
        [middle_of(drawn, column, right=right) for column in range(4)] for right in (False, True)
    )
    ground, thing = LABELS.palette
    assert left == [(77, 77, 77), ground, thing, (200, 30, 60)]
    assert right == [(77, 77, 77), thing, thing, (232, 236, 240)]


def test_ignored_pixels_are_white_in_the_truth_and_grey_among_errors():
    sheet = SampleSheet(1, LABELS)
    sheet.see(halves())
    low = sheet.draw("title")[TOP + CELL[0] - 10]

    assert low[GAP + CELL[1] + GAP + 50].tolist() == [255, 255, 255]
    assert low[GAP + 3 * (CELL[1] + GAP) + 50].tolist() == [150, 150, 150]


def test_the_same_few_of_many_are_drawn():
    sheet = SampleSheet(9, LABELS)
    labels = np.zeros((42, 56), np.uint8)
    for place in range(9):
        predicted = np.full_like(labels, place in {0, 2, 4, 6})  # `spread` of 9 over 4
        sheet.see(measured(labels, predicted))
    drawn = sheet.draw("title")

    assert [middle_of(drawn, 2, right=True, row=row) for row in range(4)] == [LABELS.palette[1]] * 4
    assert drawn.shape[0] == TOP + 4 * (CELL[0] + GAP) + 22 + GAP


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (2500, 1), (900, 1300)])
def test_pictures_of_any_size_have_a_cell(size):
    sheet = SampleSheet(1, LABELS)
    sheet.see(halves(size=size))

    assert sheet.draw("title").shape[1] == 4 * (CELL[1] + GAP) + GAP


def test_pictures_of_many_channels_and_classes_are_drawn():
    many = LabelSet(
        tuple(f"class {i} of a long name" * 3 for i in range(300)), ((1, 2, 3),) * 300, 999
    )
    labels = np.arange(300, dtype=np.uint16).reshape(15, 20)
    sheet = SampleSheet(1, many)
    sheet.see(measured(labels, labels, channels=7))

    assert sheet.draw("title").shape[0] > 500  # room for a legend of several lines


def test_nothing_is_drawn_of_nothing():
    assert SampleSheet(0, LABELS).draw("title") is None


def test_sheets_are_thinned_out_and_the_first_and_the_newest_stay(tmp_path):
    for epoch in range(1, 101):
        write_sheet(tmp_path, epoch, np.zeros((4, 4, 3), np.uint8))
        assert (tmp_path / "samples" / f"epoch-{epoch:04d}.jpg").is_file()
    kept = sorted((tmp_path / "samples").iterdir())

    assert len(kept) <= 40
    assert (kept[0].name, kept[-1].name) == ("epoch-0001.jpg", "epoch-0100.jpg")
