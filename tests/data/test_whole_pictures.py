"""Parts of pictures for classifiers."""

import numpy as np
import pytest

from atrous.data.sample import Sample
from atrous.data.whole_pictures import random_resized_crop


def ramp(height, width):
    """A picture whose red is the column and whose green is the row, of class 7."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.arange(width)
    image[..., 1] = np.arange(height)[:, None]
    return Sample("ramp", image, np.full((height, width), 7, np.uint8))


def crop(sample, seed=0, **settings):
    settings = {"side": 32, "area": (0.08, 1.0), "aspect": (0.75, 4 / 3), "flip": False} | settings
    return random_resized_crop(sample, np.random.default_rng(seed), **settings)


def test_the_result_is_a_square_with_one_label():
    found = crop(ramp(60, 90))

    assert found.image.shape == (32, 32, 3)
    assert found.labels.tolist() == [[7]]


def test_the_part_has_the_area_and_the_quotient_that_were_asked_for():
    for seed in range(20):
        image = crop(ramp(200, 250), seed, area=(0.25, 0.25), aspect=(2.0, 2.0)).image.astype(int)
        # The ramp goes by the length of a side, less one of the 32 pixels that show it.
        width, height = (np.ptp(image[..., channel]) * 32 / 31 for channel in (0, 1))
        # Sides are whole pixels, and colours are rounded: two pixels of about 112 and 224.
        assert height * width == pytest.approx(0.25 * 200 * 250, rel=0.05)
        assert width / height == pytest.approx(2.0, rel=0.05)


def test_the_whole_picture_is_shown_where_all_of_it_is_asked_for():
    found = crop(ramp(32, 32), area=(1.0, 1.0), aspect=(1.0, 1.0))

    np.testing.assert_array_equal(found.image, ramp(32, 32).image)


def test_where_no_part_fits_it_is_the_square_in_the_middle():
    found = crop(ramp(16, 200), side=16, area=(0.9, 1.0), aspect=(1.0, 1.0))

    np.testing.assert_array_equal(found.image, ramp(16, 200).image[:, 92:108])


def test_half_of_the_samples_are_mirrored():
    mirrored = [crop(ramp(64, 64), seed, flip=True).image[0] for seed in range(200)]
    count = sum(int(row[0, 0]) > int(row[-1, 0]) for row in mirrored)

    # 200 draws of 1/2: six standard deviations are 42.
    assert abs(count - 100) < 42


def test_a_picture_of_one_pixel_can_be_cut():
    assert crop(ramp(1, 1)).image.shape == (32, 32, 3)
