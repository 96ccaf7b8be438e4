import numpy as np
import pytest

from atrous.errors import ConfigError
from atrous.runtime.temporal import TemporalEngine

DARK = np.zeros((40, 40, 3), np.uint8)
BRIGHT = np.full((40, 40, 3), 200, np.uint8)


class Echo:
    """An engine whose logits are its input."""

    name = "echo"

    def run(self, images):
        return images


def looks(*values):
    return [np.full((1, 2, 3, 3), value, np.float32) for value in values]


def averaged(engine, frames, scene=DARK):
    found = []
    for image in frames:
        engine.begin_frame(scene)
        found.append(float(engine.run(image)[0, 0, 0, 0]))
    return found


def test_logits_are_averaged_exponentially_by_the_span():
    # A span of 3 frames weighs the newest by 2 / (3 + 1).
    assert averaged(TemporalEngine(Echo(), 3), looks(8, 0, 4)) == [8, 4, 4]


def test_over_one_frame_nothing_is_averaged():
    assert averaged(TemporalEngine(Echo(), 1), looks(8, 0, 4)) == [8, 0, 4]


def test_a_cut_forgets_what_was_before():
    engine = TemporalEngine(Echo(), 3)

    assert averaged(engine, looks(8)) + averaged(engine, looks(0, 4), BRIGHT) == [8, 0, 2]


def test_several_looks_at_a_frame_have_an_average_each():
    engine = TemporalEngine(Echo(), 3)
    found = []
    for image, mirrored in (looks(8, 100), looks(0, 0)):
        engine.begin_frame(DARK)
        found.append((float(engine.run(image).mean()), float(engine.run(mirrored).mean())))

    assert found == [(8, 100), (4, 50)]


def test_logits_of_another_size_begin_anew():
    engine = TemporalEngine(Echo(), 3)
    averaged(engine, looks(8))
    engine.begin_frame(DARK)

    assert engine.run(np.zeros((1, 2, 5, 5), np.float32)).shape == (1, 2, 5, 5)


@pytest.mark.parametrize("frames", [0, -1, float("nan")])
def test_a_span_below_one_frame_is_refused(frames):
    with pytest.raises(ConfigError, match="over 1 frame or more"):
        TemporalEngine(Echo(), frames)
