"""The search on made-up speeds and scores, whose best setting is known."""

from itertools import product

import pytest

from atrous.errors import ConfigError
from atrous.speed.search import Space, search
from atrous.speed.settings import Limits, Look, Score, Speed, choose

START = Look(16, 512, False, "fp32")
SPACE = Space((8, 16, 32), (256, 512, 1024), (False, True), ("quick", "slow"), ("fp32",), START)


def speed_of(engine: str, look: Look) -> Speed:
    work = (look.longest_side / 512) ** 2 * (16 / look.output_stride) * (1 + look.flip)
    return Speed(work * (10 if engine == "quick" else 20), int(100e6 * work))


def score_of(engine: str, look: Look) -> Score:
    # Pictures as in training are seen best; finer strides and mirror images help a little.
    value = 0.7 - abs(look.longest_side - 512) / 5000 + 0.08 / look.output_stride + 0.01 * look.flip
    return Score(value, value, value)


class Recorder:
    """Calls a function and keeps with what."""

    def __init__(self, function):
        self.function, self.calls = function, []

    def __call__(self, engine, look):
        self.calls.append((engine, look))
        return self.function(engine, look)


def run(limits, speed=speed_of, space=SPACE):
    found, speeds, scores = [], Recorder(speed), Recorder(score_of)
    search(space, limits, speeds, scores, found)
    return found, speeds.calls, scores.calls


@pytest.mark.parametrize(
    ("limits", "ms"), [(10, None), (10, 250), (25, None), (40, 300), (1000, None)]
)
def test_the_choice_is_that_of_measuring_everything(limits, ms):
    wanted = Limits(limits, ms and ms * 10**6)
    found, _, _ = run(wanted)

    looks = (Look(*values, "fp32") for values in product((8, 16, 32), (256, 512, 1024), (0, 1)))
    fitting = [look for look in looks if not wanted.refuse(speed_of("quick", look))]
    best = max(fitting, key=lambda look: score_of("quick", look).mean_iou)
    chosen = choose(found, wanted)
    assert (chosen.engine, chosen.look) == ("quick", best)


def test_what_exceeds_a_limit_is_not_scored():
    _, _, scored = run(Limits(max_ms=10))

    assert scored
    assert all(speed_of(engine, look).ms <= 10 for engine, look in scored)


def test_what_must_be_slower_than_what_is_too_slow_is_not_even_timed():
    found, timed, _ = run(Limits(max_ms=10))

    most = Look(8, 1024, True, "fp32")
    assert ("quick", most) not in timed
    (left,) = [one for one in found if one.engine == "quick" and one.look == most]
    assert "computes more than what takes" in left.left_out


def test_an_engine_that_another_one_beats_goes_no_further():
    found, timed, _ = run(Limits())

    assert [look for engine, look in timed if engine == "slow"] == [START]
    assert "quick is faster" in next(one.left_out for one in found if one.engine == "slow")


def test_each_look_is_scored_once_on_the_fastest_engine_that_shows_it():
    def lean_but_slow(engine, look):
        speed = speed_of(engine, look)
        return speed if engine == "quick" else Speed(speed.ms, speed.peak_bytes // 2)

    found, _, scored = run(Limits(), speed=lean_but_slow)

    assert {engine for engine, _ in scored} == {"quick"}
    assert len(scored) == len(set(scored)) == 18
    assert sum(one.score is not None for one in found) == 36


def test_an_engine_that_cannot_run_is_told_with_its_reason():
    def without_slow(engine, look):
        if engine == "slow":
            raise ConfigError("pip install it")
        return speed_of(engine, look)

    found, _, _ = run(Limits(), speed=without_slow)

    assert [one.left_out for one in found if one.engine == "slow"] == ["pip install it"]
