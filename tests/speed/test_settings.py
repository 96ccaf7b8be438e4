"""What is chosen, held against the definition."""

from hypothesis import given
from hypothesis import strategies as st

from atrous.speed.settings import Candidate, Limits, Look, Score, Speed, choose, pareto_front


def candidate(ms: float, megabytes: int, mean_iou: float) -> Candidate:
    score = Score(mean_iou, mean_iou, mean_iou)
    return Candidate("onnx", Look(16, 512, False, "fp32"), Speed(ms, megabytes * 10**6), score)


def costs(one: Candidate) -> tuple[float, ...]:
    return one.speed.ms, one.speed.peak_bytes, -one.score.mean_iou


# Few values each, so that many are equal.
CANDIDATES = st.lists(
    st.builds(candidate, st.integers(1, 4), st.integers(1, 3), st.sampled_from([0.25, 0.5, 0.75])),
    max_size=12,
)


@given(CANDIDATES)
def test_the_front_is_what_nothing_is_better_than(candidates):
    front = {costs(one) for one in pareto_front(candidates)}

    everything = {costs(one) for one in candidates}
    expected = {
        one
        for one in everything
        if not any(
            other != one and all(a <= b for a, b in zip(other, one, strict=True))
            for other in everything
        )
    }
    assert front == expected
    assert len(pareto_front(candidates)) == len(expected)


@given(CANDIDATES, st.integers(1, 4), st.integers(1, 3))
def test_the_choice_is_the_best_score_within_the_limits(candidates, ms, megabytes):
    best = choose(candidates, Limits(ms, megabytes * 10**6))

    fitting = [
        one.score.mean_iou
        for one in candidates
        if one.speed.ms <= ms and one.speed.peak_bytes <= megabytes * 10**6
    ]
    assert (best.score.mean_iou if best else None) == max(fitting, default=None)
    assert best is None or (best.speed.ms <= ms and best.speed.peak_bytes <= megabytes * 10**6)


@given(CANDIDATES, st.sampled_from([0.25, 0.5, 0.6]))
def test_with_a_least_score_alone_the_fastest_is_chosen(candidates, least):
    best = choose(candidates, Limits(min_mean_iou=least))

    fitting = [one.speed.ms for one in candidates if one.score.mean_iou >= least]
    assert (best.speed.ms if best else None) == min(fitting, default=None)


def test_what_was_not_scored_is_never_chosen():
    unscored = Candidate("onnx", Look(16, 512, False, "fp32"), Speed(1.0, 1))

    assert choose([unscored], Limits()) is None
