import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atrous.errors import ConfigError
from atrous.runtime.slide import SlidingEngine


class EveryNth:
    """An engine whose logits are every n-th pixel, so that windows and whole pictures agree."""

    name = "every n-th"

    def __init__(self, stride):
        self.stride = stride
        self.seen = []

    def run(self, images):
        """(B, C, H, W) -> (B, C, ceil(H / n), ceil(W / n))."""
        self.seen.append(images.shape[2:])
        return images[:, :, :: self.stride, :: self.stride]


def drawn(height, width):
    return np.random.default_rng(0).normal(size=(1, 2, height, width)).astype(np.float32)


@given(
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    window=st.tuples(st.integers(64, 200), st.integers(64, 200)),
    stride=st.sampled_from([4, 8, 16, 32]),
)
@settings(max_examples=60, deadline=None)
def test_windows_give_the_map_that_the_whole_picture_has(size, window, stride):
    images, engine = drawn(*size), EveryNth(stride)
    found = SlidingEngine(engine, window).run(images)
    # Up to nine equal values are summed and divided again.
    np.testing.assert_allclose(found, EveryNth(stride).run(images), rtol=1e-6)
    assert all(np.less_equal(seen, window).all() for seen in engine.seen)


def test_a_picture_that_fits_into_a_window_is_seen_once_and_whole():
    engine = EveryNth(4)
    SlidingEngine(engine, (96, 128)).run(drawn(96, 128))
    assert engine.seen == [(96, 128)]


def test_a_side_that_fits_is_not_cut():
    engine = EveryNth(4)
    SlidingEngine(engine, (96, 96)).run(drawn(90, 160))
    assert engine.seen == [(90, 96), (90, 96)]


def test_windows_step_on_by_two_thirds_and_the_last_ends_with_the_picture():
    engine = EveryNth(4)
    SlidingEngine(engine, (96, 96)).run(drawn(96, 250))
    # They begin at 0, 64, 128 and 160; the last ends at 250.
    assert engine.seen == [(96, 96), (96, 96), (96, 96), (96, 90)]


def test_where_windows_overlap_their_logits_are_averaged():
    class Counter(EveryNth):
        """Gives the number of the run everywhere."""

        def run(self, images):
            return np.full_like(super().run(images), len(self.seen))

    found = SlidingEngine(Counter(4), (96, 96)).run(drawn(96, 160))[0, 0, 0]
    expected = [1.0] * 16 + [1.5] * 8 + [2.0] * 16
    assert found.tolist() == expected


def test_windows_too_small_to_slide_are_refused_with_what_is_enough():
    with pytest.raises(ConfigError, match=r"windows of 48x513 are too small .* take 64x64"):
        SlidingEngine(EveryNth(4), (48, 513))
