"""Pixels for people to look at."""

import numpy as np
import pytest

from atrous.bands import shown
from bands.files import draw_bands


def test_rgb_is_shown_as_it_is():
    pixels = draw_bands(3, np.uint8)

    assert shown(pixels) is pixels


@pytest.mark.parametrize("channels", [1, 2])
def test_fewer_than_three_channels_are_shown_as_grey(channels):
    pixels = draw_bands(channels, np.uint8)

    assert np.array_equal(shown(pixels), np.repeat(pixels[..., :1], 3, axis=2))


def test_of_more_the_first_three_are_shown():
    pixels = draw_bands(7, np.uint8)

    assert np.array_equal(shown(pixels), pixels[..., :3])


def test_16_bits_are_stretched_over_what_is_there_and_keep_their_order():
    ramp = np.repeat(np.arange(3000, 4000, dtype=np.uint16), 3).reshape(10, 100, 3)

    grey = shown(ramp)[..., 0].ravel().astype(int)

    assert (grey.min(), grey.max()) == (0, 255)
    assert (np.diff(grey) >= 0).all()


def test_a_picture_of_one_value_can_be_shown():
    assert not shown(np.full((4, 5, 2), 777, np.uint16)).any()
