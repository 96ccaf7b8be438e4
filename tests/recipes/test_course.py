import pytest

from atrous.errors import Interrupted, ResourceError
from atrous.recipes.course import Course
from conftest import write_camvid_like
from journeys.tiny import run, state_in, tiny


@pytest.fixture
def data(tmp_path):
    return write_camvid_like(tmp_path / "camvid", images=10)


def let_readers_die(monkeypatch, *, asked: bool) -> None:
    """After the first step; ``asked`` is whether a signal has asked the run to stop."""

    def look(course, *_):
        if asked:
            course.interruption._asked.set()
        raise ResourceError("a process that reads pictures died")

    monkeypatch.setattr(Course, "_take_down", look)


def test_readers_that_a_signal_to_the_group_has_ended_are_no_fault(data, tmp_path, monkeypatch):
    let_readers_die(monkeypatch, asked=True)

    with pytest.raises(Interrupted, match="--resume goes on from there"):
        run(tiny(), data, tmp_path / "run")
    assert state_in(tmp_path / "run")["position"]["step"] == 1


def test_readers_that_died_by_themselves_are_a_fault(data, tmp_path, monkeypatch):
    let_readers_die(monkeypatch, asked=False)

    with pytest.raises(ResourceError, match="reads pictures died"):
        run(tiny(), data, tmp_path / "run")


def test_a_run_tells_of_every_picture_that_it_measures_and_of_a_smaller_step(data, tmp_path):
    notes = run(tiny(steps=1, batch_size=30), data, tmp_path / "run")

    assert notes.measured == [(picture, 10) for picture in range(1, 11)]
    assert "10 pictures and 1 processes make 10 samples in a step, not 30" in notes.sentences
