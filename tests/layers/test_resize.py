import numpy as np
import pytest
import torch

from atrous.layers.resize import resize


@pytest.mark.parametrize("case", range(6))
def test_aligned_corners_are_those_of_tensorflow(case, oracle):
    stored = np.load(oracle / "misc.npz")
    maps, expected = (
        torch.from_numpy(stored[f"resize{case}_{what}"].transpose(0, 3, 1, 2))
        for what in ("in", "bilinear")
    )

    resized = resize(maps, tuple(expected.shape[-2:]), align_corners=True)

    # Values are of the order of 1; float32 positions differ in the last bits.
    torch.testing.assert_close(resized, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("align_corners", "expected"),
    [
        (True, [0.0, 1 / 3, 2 / 3, 1.0]),
        (False, [0.0, 0.25, 0.75, 1.0]),
        ("first", [0.0, 0.5, 1.0, 1.0]),
    ],
)
def test_corners_are_where_they_are_said_to_be(align_corners, expected):
    row = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2)

    resized = resize(row, (1, 4), align_corners=align_corners)

    assert resized.flatten().tolist() == pytest.approx(expected)


@pytest.mark.parametrize("align_corners", [True, False, "first"])
def test_a_single_pixel_fills_the_map(align_corners):
    resized = resize(torch.full((1, 1, 1, 1), 7.0), (3, 5), align_corners=align_corners)

    assert resized.flatten().tolist() == pytest.approx([7.0] * 15)


def test_a_map_of_the_right_size_is_left_alone():
    maps = torch.randn(1, 2, 3, 4)

    assert resize(maps, (3, 4), align_corners=False) is maps
