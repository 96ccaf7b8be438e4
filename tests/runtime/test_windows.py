import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atrous.runtime.windows import lay_out

sides = st.integers(65, 2000)
windows = st.integers(128, 600)


@given(side=sides, window=windows, overlap=st.integers(0, 64), stride=st.sampled_from([4, 8, 16]))
def test_weights_sum_to_one_at_every_cell_of_the_picture(side, window, overlap, stride):
    axis = lay_out(side, window, overlap)

    total = np.zeros(-(-side // stride))
    for start, weights in zip(axis.starts, axis.weights(stride), strict=True):
        total[start // stride : start // stride + len(weights)] += weights

    # Float32 rounding of a few weights.
    np.testing.assert_allclose(total, 1, atol=1e-6)


@given(side=sides, window=windows, overlap=st.integers(0, 64))
def test_windows_cover_the_side_and_end_with_it(side, window, overlap):
    axis = lay_out(side, window, overlap)

    assert axis.window <= window
    assert axis.starts[0] == 0
    assert axis.starts[-1] + axis.window == side
    steps = np.diff(axis.starts)
    assert (steps > 0).all()
    assert (steps <= axis.window - overlap).all()


@given(side=sides, window=windows)
def test_windows_have_the_sides_remainder_and_begin_at_multiples_of_32(side, window):
    axis = lay_out(side, window, 32)

    assert (side - axis.window) % 32 == 0
    assert all(start % 32 == 0 for start in axis.starts)


def test_weights_rise_smoothly_where_windows_overlap_and_not_at_the_pictures_edge():
    first, last = lay_out(288, 160, 32).weights(4)

    assert first[0] == last[-1] == pytest.approx(1)
    assert (np.diff(first[-8:]) < 0).all()
    np.testing.assert_allclose(first[-8:] + last[:8], 1, atol=1e-6)
