"""What the pictures of a split are made of."""

import numpy as np
import pytest
from PIL import Image

from atrous.bands import RGB8, PixelKind
from atrous.data.channels import find_kind, measure_channels
from atrous.data.sample import ImageFile, NoLabels, Pair
from atrous.errors import DatasetError
from bands.files import draw_bands, write_tiff


def pairs_of(folder, *pictures):
    pairs = []
    for index, pixels in enumerate(pictures):
        path = folder / f"{index}.png"
        if pixels.shape[2] in (1, 3) and pixels.dtype == np.uint8:
            Image.fromarray(pixels.squeeze()).save(path)
        else:
            path = write_tiff(path.with_suffix(".tif"), pixels)
        pairs.append(Pair(path.stem, ImageFile(path), NoLabels(path, 255)))
    return pairs


RGB, GREY = draw_bands(3, np.uint8), draw_bands(1, np.uint8)


@pytest.mark.parametrize(
    ("pictures", "kind"),
    [
        ((RGB, RGB), RGB8),
        ((GREY, RGB), RGB8),
        ((GREY, draw_bands(1)), RGB8),
        ((GREY, GREY), PixelKind(1)),
        ((draw_bands(1),), PixelKind(1, 16)),
        ((draw_bands(12), draw_bands(12)), PixelKind(12, 16)),
    ],
)
def test_the_kind_is_that_which_all_can_be_read_as(pictures, kind, tmp_path):
    assert find_kind(pairs_of(tmp_path, *pictures)) == kind


def test_pictures_that_do_not_fit_each_other_are_named(tmp_path):
    pairs = pairs_of(tmp_path, draw_bands(4), draw_bands(5))

    with pytest.raises(DatasetError, match=r"1\.tif: has 5 channels .*0\.tif has 4 channels of 16"):
        find_kind(pairs)


def test_mean_and_deviation_are_those_of_all_pixels(tmp_path):
    one, other = draw_bands(4), draw_bands(4, size=(30, 9)) // 3

    found = measure_channels(pairs_of(tmp_path, one, other), PixelKind(4, 16))

    pixels = np.concatenate([one.reshape(-1, 4), other.reshape(-1, 4)]).astype(float)
    # Both are rounded to two places.
    np.testing.assert_allclose(found.mean, pixels.mean(axis=0), atol=0.006)
    np.testing.assert_allclose(found.std, pixels.std(axis=0), atol=0.006)
    assert found.pictures == 2


def test_a_constant_channel_is_not_divided_by_zero(tmp_path):
    found = measure_channels(pairs_of(tmp_path, np.full((9, 9, 2), 7, np.uint16)), PixelKind(2, 16))

    assert min(found.std) > 1
