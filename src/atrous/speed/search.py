"""Which settings are measured at all: speed first, and scores only of what can meet the limits."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

from atrous.errors import AtrousError
from atrous.speed.settings import Candidate, Limits, Look, Score, Speed

SpeedOf: TypeAlias = Callable[[str, Look], Speed]
"""Measures an engine with a look; raises `AtrousError` if it cannot run."""
ScoreOf: TypeAlias = Callable[[str, Look], Score]
"""Measures the labels that an engine gives with a look."""


@dataclass(frozen=True)
class Space:
    """Everything that is tried."""

    output_strides: Sequence[int]
    longest_sides: Sequence[int]
    flips: Sequence[bool]
    engines: Sequence[str]
    precisions: Sequence[str]
    start: Look
    """The model as it is, in one of the precisions."""


def search(
    space: Space,
    limits: Limits,
    speed_of: SpeedOf,
    score_of: ScoreOf,
    found: list[Candidate],
    *,
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Measure a space as far as the limits make it worth.

    1. Every engine and precision with the model as it is. Those that are slower than another one
       of the same precision, and need no less memory, go no further.
    2. Speed of every look on the engines that are left, cheap ones first. A look that computes at
       least as much as one that exceeds a limit exceeds it too, and is not measured.
    3. Scores of what is within the limits. Engines of one precision give the same labels up to
       rounding, so each look is scored once, on its fastest engine.

    Args:
        space: What is tried.
        limits: What a user can bear.
        speed_of: Measures time and memory.
        score_of: Measures labels.
        found: Gets every candidate, so that an interruption leaves what was measured.
        tell: Is told what comes next.
    """
    first = list(_measured_starts(space, limits, speed_of, found, tell))
    for engine, precision in _worth_going_on(first):
        known = [one for one in first if (one.engine, one.look.precision) == (engine, precision)]
        for look in _looks(space, precision):
            if look == known[0].look:
                continue
            one = Candidate(engine, look)
            found.append(one)
            one.left_out = _surely_refused(one, known, limits)
            if not one.left_out:
                tell(f"speed: {describe(one)}")
                _measure_speed(one, limits, speed_of)
            known.append(one)
    _measure_scores(found, score_of, tell)


def describe(one: Candidate) -> str:
    """A candidate in a few words."""
    look = one.look
    flip = ", and mirrored" if look.flip else ""
    return (
        f"{one.engine} in {look.precision}, output stride {look.output_stride}, longest side "
        f"{look.longest_side}{flip}"
    )


def _measured_starts(
    space: Space,
    limits: Limits,
    speed_of: SpeedOf,
    found: list[Candidate],
    tell: Callable[[str], None],
) -> Iterator[Candidate]:
    for engine, precision in product(space.engines, space.precisions):
        start = space.start
        look = Look(start.output_stride, start.longest_side, start.flip, precision)
        one = Candidate(engine, look)
        found.append(one)
        tell(f"speed: {describe(one)}")
        _measure_speed(one, limits, speed_of)
        yield one


def _measure_speed(one: Candidate, limits: Limits, speed_of: SpeedOf) -> None:
    try:
        one.speed = speed_of(one.engine, one.look)
    except AtrousError as error:
        one.left_out = str(error)
        return
    one.left_out = limits.refuse(one.speed)


def _worth_going_on(starts: Sequence[Candidate]) -> Iterator[tuple[str, str]]:
    """Engines and precisions that no other engine of the precision is better than."""
    for one in starts:
        if not one.speed:
            continue
        better = next((other for other in starts if _beats(other, one)), None)
        if better:
            one.left_out = one.left_out or f"{better.engine} is faster and needs no more memory"
        else:
            yield one.engine, one.look.precision


def _beats(one: Candidate, other: Candidate) -> bool:
    if not one.speed or not other.speed or one.look.precision != other.look.precision:
        return False
    less_memory = (one.speed.peak_bytes or 0) <= (other.speed.peak_bytes or 0)
    return one.speed.ms < other.speed.ms and less_memory


def _looks(space: Space, precision: str) -> Iterator[Look]:
    """Cheap ones first."""
    for stride, side, flip in product(
        sorted(space.output_strides, reverse=True), sorted(space.longest_sides), sorted(space.flips)
    ):
        yield Look(stride, side, flip, precision)


def _surely_refused(one: Candidate, known: Sequence[Candidate], limits: Limits) -> str:
    for other in known:
        if other.speed and one.look.costs_no_less_than(other.look) and limits.refuse(other.speed):
            return f"computes more than what {limits.refuse(other.speed)}"
    return ""


def _measure_scores(
    found: Sequence[Candidate], score_of: ScoreOf, tell: Callable[[str], None]
) -> None:
    open_ones = [one for one in found if one.speed and not one.left_out]
    open_ones.sort(key=lambda one: one.speed.ms if one.speed else 0.0)
    scores: dict[Look, Score] = {}
    looks = len({one.look for one in open_ones})
    for one in open_ones:
        if one.look not in scores:
            tell(f"labels {len(scores) + 1}/{looks}: {describe(one)}")
            scores[one.look] = score_of(one.engine, one.look)
        one.score = scores[one.look]
