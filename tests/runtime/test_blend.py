import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from atrous.runtime.bilinear import taps
from atrous.runtime.blend import band_labels, blended, tiling_of
from atrous.runtime.upsample import upsample_labels

sizes = st.tuples(st.integers(1, 400), st.integers(1, 400))


def drawn(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@given(size=sizes, tile=st.integers(128, 200), stride=st.sampled_from([4, 8, 16, 32]))
@settings(max_examples=40, deadline=None)
def test_equal_answers_of_all_tiles_are_the_answer_of_the_whole(size, tile, stride):
    images = drawn(1, 2, *size)

    bands = blended(
        tiling_of(size, tile, 32),
        lambda rows, columns: images[:, :, rows, columns][:, :, ::stride, ::stride],
        channels=(1, 2),
        stride=stride,
    )

    # Weights of float32 that sum to 1 up to rounding.
    found = np.concatenate(list(bands), axis=2)
    np.testing.assert_allclose(found, images[:, :, ::stride, ::stride], atol=2e-6)


def test_tiles_with_nothing_to_see_give_zeros():
    def look(rows, columns):
        return None if rows.start else np.ones((1, 1, 40, 40), np.float32)

    bands = list(blended(tiling_of((288, 160), 160, 32), look, channels=(1, 1), stride=4))

    assert bands[0].min() == pytest.approx(1)
    assert bands[1][0, 0, -1].max() == 0


@given(
    grid=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    size=st.tuples(st.integers(1, 150), st.integers(1, 150)),
    cuts=st.sets(st.integers(0, 40)),
    align_corners=st.sampled_from([True, False, "first"]),
)
@example(grid=(4, 2), size=(2, 3), cuts={2}, align_corners=True)  # rows between are never read
@settings(max_examples=60, deadline=None)
def test_labels_of_bands_are_those_of_the_whole_map(grid, size, cuts, align_corners):
    logits = drawn(3, *grid)
    bands = np.split(logits, sorted(cut for cut in cuts if cut < grid[0]), axis=1)
    rows, columns = (taps(*pair, align_corners) for pair in zip(grid, size, strict=True))

    found = list(band_labels([band for band in bands if band.size], rows, columns))

    assert [part.start for part, _ in found] == [0, *(part.stop for part, _ in found[:-1])]
    labels = np.concatenate([labels for _, labels in found])
    # Interpolated in another order, a pixel between two classes may fall to the other.
    expected = upsample_labels(logits, size, align_corners=align_corners)
    assert (labels != expected).sum() <= 2


def test_some_windows_are_spread_over_all():
    tiling = tiling_of((1000, 1000), 160, 32)

    spots = tiling.spread(9)

    assert len(set(map(str, spots))) == 9
    assert spots[0][0].start < 200
    assert spots[-1][0].start > 700
    assert len(tiling_of((160, 288), 160, 32).spread(9)) == 2
