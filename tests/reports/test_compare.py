"""Two reports side by side."""

import pytest

from atrous.engine.protocols import PROTOCOLS
from atrous.errors import InputError
from atrous.reports.compare import compare
from reports.made_up import evaluated


@pytest.fixture(scope="module")
def worse():
    return evaluated(shift=3)[0]


@pytest.fixture(scope="module")
def better():
    return evaluated(shift=1)[0]


def test_a_report_does_not_differ_from_itself(better):
    found = compare(better, better)

    assert (found.difference, found.low, found.high, found.p_value) == (0, 0, 0, 1)
    assert found.pictures == ()


def test_the_gain_is_that_of_the_second(worse, better):
    found = compare(worse, better)

    assert found.difference == better.scores.mean_iou - worse.scores.mean_iou
    assert 0 < found.low < found.difference < found.high
    assert found.p_value < 0.05
    assert compare(better, worse).difference == -found.difference


def test_classes_stand_side_by_side(worse, better):
    car = compare(worse, better).classes[2]

    assert (car.first, car.second) == (worse.classes[2].iou, better.classes[2].iou)
    assert car.difference == car.second - car.first


def test_the_pictures_that_differ_most_come_first(worse, better):
    gains = [abs(one.difference) for one in compare(worse, better).pictures]

    assert len(gains) == 4  # the first picture is right in both
    assert gains == sorted(gains, reverse=True)
    assert len(compare(worse, better, pictures=2).pictures) == 2


def test_only_like_is_compared_with_like(better):
    with pytest.raises(InputError, match="differ in pictures: 5 and 4"):
        compare(better, evaluated(count=4)[0])
    with pytest.raises(InputError, match="ignored pixels"):
        compare(better, evaluated(protocol=PROTOCOLS["camvid-void"])[0])
    other = better.model_copy(update={"classes": (better.classes[0], *better.classes[:2])})
    with pytest.raises(InputError, match="differ in classes;"):
        compare(better, other)
