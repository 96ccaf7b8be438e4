import numpy as np
import pytest

from atrous.runtime import smooth
from atrous.runtime.smooth import guided_filter, smooth_labels


def strips(probabilities, rows):
    for start in range(0, probabilities.shape[1], rows):
        yield slice(start, start + rows), probabilities[:, start : start + rows]


def naive_guided_filter(values, guide, radius):
    """Every window's regression by itself, then the mean of all lines through a pixel."""
    pad = 2 * radius
    values, guide = (np.pad(part, pad, mode="symmetric") for part in (values, guide))
    height, width = (side - 2 * radius for side in guide.shape)
    lines = np.zeros((2, height, width))
    for y, x in np.ndindex(height, width):
        window = slice(y, y + 2 * radius + 1), slice(x, x + 2 * radius + 1)
        covariance = np.cov(guide[window].ravel(), values[window].ravel(), bias=True)
        slope = covariance[0, 1] / (covariance[0, 0] + smooth._EPSILON)
        lines[:, y, x] = slope, values[window].mean() - slope * guide[window].mean()
    size = height - 2 * radius, width - 2 * radius
    result = np.zeros(size)
    for y, x in np.ndindex(*size):
        slope, offset = lines[:, y : y + pad + 1, x : x + pad + 1].mean(axis=(1, 2))
        result[y, x] = slope * guide[y + pad, x + pad] + offset
    return result


def test_the_filter_is_the_one_of_the_paper_away_from_the_frame():
    random = np.random.default_rng(0)
    values, guide = random.random((2, 14, 15)).astype(np.float32)

    found = guided_filter(values, guide, 2)

    inner = slice(4, -4), slice(4, -4)
    expected = naive_guided_filter(values, guide, 2)
    # float32 sums of 25 numbers, and a division by a variance.
    np.testing.assert_allclose(found[inner], expected[inner], atol=1e-4)


@pytest.mark.parametrize("rows", [1, 7, 300])
def test_strips_give_the_labels_of_the_whole(rows, monkeypatch):
    monkeypatch.setattr(smooth, "_ROWS_AT_ONCE", 16)
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (90, 20, 3)).astype(np.uint8)
    probabilities = random.random((3, 90, 20)).astype(np.float32)

    whole = smooth_labels(strips(probabilities, 90), pixels, radius=3)

    # Running sums of float32 differ in their last bits by where they begin.
    same = smooth_labels(strips(probabilities, rows), pixels, radius=3) == whole
    assert same.mean() > 0.999


def test_a_border_beside_an_edge_of_the_picture_moves_onto_it():
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, 30:] = 200
    ramp = np.clip((np.arange(60) - 20) / 12, 0, 1).astype(np.float32)  # half at column 26
    right = np.broadcast_to(ramp, (40, 60))
    probabilities = np.stack([1 - right, right])

    labels = smooth_labels(strips(probabilities, 40), pixels, radius=8)

    assert (labels == (np.arange(60) >= 30)).all()
