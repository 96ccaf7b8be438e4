"""What a run says of its pace."""

import pytest

from atrous.cli.run_display import Pace


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def take(pace: Pace, clock: Clock, *, steps: int, seconds: float) -> None:
    for _ in range(steps):
        clock.now += seconds
        pace.stepped(images=8)


def test_speed_is_that_of_the_last_steps(clock):
    pace = Pace(clock)
    take(pace, clock, steps=100, seconds=10)
    take(pace, clock, steps=50, seconds=2)

    assert pace.images_per_second == pytest.approx(4)
    assert pace.seconds_left(100) == pytest.approx(200)


def test_a_measurement_is_no_part_of_the_speed_but_of_what_is_left(clock):
    pace = Pace(clock)
    take(pace, clock, steps=10, seconds=1)
    clock.now += 30
    pace.measured()
    take(pace, clock, steps=4, seconds=1)

    assert pace.images_per_second == pytest.approx(8)
    # 16 steps of 1 s; measurements after 6 and after 16 of them, 30 s each
    assert pace.seconds_left(16) == pytest.approx(16 + 2 * 30)


def test_nothing_is_claimed_before_the_first_step(clock):
    assert Pace(clock).seconds_left(1000) == 0
    assert Pace(clock).images_per_second == 0
