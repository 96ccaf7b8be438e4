"""Settings of a prediction, what they cost and bring, and which of them is chosen."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Look:
    """What decides the labels: how finely the network looks."""

    output_stride: int
    """Of the network; smaller is finer and slower."""
    longest_side: int
    """At which the network sees pictures."""
    flip: bool
    """Whether it also sees them mirrored."""
    precision: str
    """In what it is computed."""

    def costs_no_less_than(self, other: "Look") -> bool:
        """Whether it computes at least as much as another one of the same precision."""
        return (
            self.precision == other.precision
            and self.output_stride <= other.output_stride
            and self.longest_side >= other.longest_side
            and self.flip >= other.flip
        )


@dataclass(frozen=True)
class Speed:
    """What one picture costs."""

    ms: float
    """Median from pixels to labels."""
    peak_bytes: int | None
    """Most memory of a process that does nothing else; None where the system does not say."""


@dataclass(frozen=True)
class Score:
    """How good the labels are."""

    mean_iou: float
    low: float
    high: float


@dataclass(frozen=True)
class Limits:
    """What a user can bear."""

    max_ms: float | None = None
    max_bytes: int | None = None
    min_mean_iou: float | None = None

    def refuse(self, speed: Speed) -> str:
        """Why a speed does not fit; empty if it does."""
        if self.max_ms is not None and speed.ms > self.max_ms:
            return f"takes {speed.ms:.0f} ms"
        if (
            self.max_bytes is not None
            and speed.peak_bytes is not None
            and speed.peak_bytes > self.max_bytes
        ):
            return f"needs {speed.peak_bytes / 2**20:.0f} MiB"
        return ""


@dataclass
class Candidate:
    """A way to predict, and what is known of it."""

    engine: str
    look: Look
    speed: Speed | None = None
    score: Score | None = None
    left_out: str = ""
    """Why it was not measured any further."""


def pareto_front(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Those to which no other one is better in every way: time, memory, mean IoU.

    Of several that are equal in all three the first one stays. Candidates without a score are
    left out.

    Returns:
        The front, fastest first.
    """
    scored = [one for one in candidates if one.speed and one.score]
    front: list[Candidate] = []
    # Whoever is better in every way comes earlier in this order.
    for one in sorted(scored, key=_costs):
        if not any(_at_least_as_good(other, one) for other in front):
            front.append(one)
    return front


def choose(candidates: Sequence[Candidate], limits: Limits) -> Candidate | None:
    """The best one within the limits; None if nothing fits.

    That is the one of highest mean IoU; but where only the mean IoU has a limit, the fastest one.
    """
    fitting = [
        one
        for one in pareto_front(candidates)
        if one.speed
        and one.score
        and not limits.refuse(one.speed)
        and one.score.mean_iou >= (limits.min_mean_iou or 0.0)
    ]
    only_score = limits.min_mean_iou is not None and limits.max_ms is None
    if only_score or not fitting:
        return next(iter(fitting), None)
    return max(fitting, key=lambda one: one.score.mean_iou if one.score else 0.0)


def _costs(one: Candidate) -> tuple[float, int, float]:
    """Time, memory and the negative mean IoU: less is better in all three."""
    if not one.speed or not one.score:
        raise ValueError("only candidates with speed and score can be compared")
    return one.speed.ms, one.speed.peak_bytes or 0, -one.score.mean_iou


def _at_least_as_good(one: Candidate, other: Candidate) -> bool:
    return all(ours <= theirs for ours, theirs in zip(_costs(one), _costs(other), strict=True))
