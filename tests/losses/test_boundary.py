import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from atrous.losses.boundary import boundary, distance_to_boundary
from atrous.losses.cross_entropy import cross_entropy

IGNORED = 255
label_maps = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).choice([0, 0, 0, 0, 0, 1], (7, 9))
)


def naive_distance(labels, radius):
    """By looking from each pixel at each other."""
    rows, columns = labels.shape
    places = list(np.ndindex(rows, columns))

    def on_edge(y, x):
        around = [(y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)]
        inside = [(v, u) for v, u in around if 0 <= v < rows and 0 <= u < columns]
        return any(labels[v, u] != labels[y, x] for v, u in inside)

    edges = [place for place in places if on_edge(*place)]
    nearest = np.full(labels.shape, np.inf)
    for y, x in places:
        nearest[y, x] = min((np.hypot(y - v, x - u) for v, u in edges), default=np.inf)
    return np.where(nearest <= radius, nearest, np.inf)


@given(label_maps, st.integers(1, 12))
def test_the_distance_is_that_to_the_nearest_pixel_on_an_edge(labels, radius):
    found = distance_to_boundary(torch.from_numpy(labels)[None], radius=radius)

    np.testing.assert_allclose(found[0], naive_distance(labels, radius), rtol=1e-6)


def test_an_ignored_outline_is_a_boundary():
    labels = torch.tensor([[[1, 1, 1, IGNORED, 1, 1]]])

    assert distance_to_boundary(labels, radius=9).tolist() == [[[2, 1, 0, 0, 0, 1]]]


def test_pixels_on_a_boundary_count_more_by_the_factor():
    logits, labels = torch.zeros(1, 2, 1, 2), torch.tensor([[[0, 1]]])

    loss = boundary(logits, labels, ignore_index=IGNORED, factor=3.0)

    assert loss.item() == pytest.approx(4 * np.log(2))


def test_the_weight_falls_as_a_bell():
    logits, labels = torch.zeros(1, 2, 1, 4), torch.tensor([[[0, 0, 0, 1]]])
    bell = 1 + np.exp(-1 / 8) + np.exp(-4 / 8) + 1  # distances 0, 1, 2 and 0 at a sigma of 2

    loss = boundary(logits, labels, ignore_index=IGNORED, factor=5.0, sigma=2.0)

    assert loss.item() == pytest.approx((4 + 5 * bell) / 4 * np.log(2))


def test_without_boundaries_it_is_cross_entropy():
    logits, labels = torch.randn(2, 3, 5, 5), torch.ones(2, 5, 5, dtype=torch.int64)

    loss = boundary(logits, labels, ignore_index=IGNORED)

    torch.testing.assert_close(loss, cross_entropy(logits, labels, ignore_index=IGNORED))
