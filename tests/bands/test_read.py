"""Pixels of the kind that is wanted."""

import cv2
import numpy as np
import pytest
from PIL import Image

from atrous.bands import (
    RGB8,
    PixelKind,
    kind_of,
    pixels_from_array,
    pixels_from_pillow,
    read_pixels,
)
from atrous.errors import InputError
from atrous.imaging import read_image
from bands.files import draw_bands

GREY16 = PixelKind(1, 16)


def save(path, pixels):
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(path)
    return path


def save_deep(path, pixels):
    order = {3: [2, 1, 0], 4: [2, 1, 0, 3]}[pixels.shape[2]]
    cv2.imwrite(str(path), pixels[..., order])
    return path


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_png_gives_the_channels_that_it_stores(channels, tmp_path):
    pixels = draw_bands(channels, np.uint8)
    path = save(tmp_path / "a.png", pixels)

    assert np.array_equal(read_pixels(path, PixelKind(channels)).pixels, pixels)


@pytest.mark.parametrize("channels", [3, 4])
def test_a_png_of_16_bits_keeps_them(channels, tmp_path):
    pixels = draw_bands(channels)
    path = save_deep(tmp_path / "a.png", pixels)

    assert np.array_equal(read_pixels(path, PixelKind(channels, 16)).pixels, pixels)


def test_depth_keeps_its_units(tmp_path):
    pixels = draw_bands(1)
    path = save(tmp_path / "a.png", pixels)

    assert np.array_equal(read_pixels(path, GREY16).pixels, pixels)


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "LA", "1", "I;16", "CMYK"])
def test_rgb_is_what_it_always_was(mode, tmp_path):
    grey = Image.fromarray(draw_bands(1, np.uint16)[..., 0])
    image = grey if mode == "I;16" else Image.fromarray(draw_bands(3, np.uint8)).convert(mode)
    path = tmp_path / "a.tif"
    image.save(path)

    assert np.array_equal(read_pixels(path, RGB8).pixels, read_image(path).pixels)


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("L", PixelKind(1)),
        ("LA", PixelKind(1)),
        ("P", RGB8),
        ("RGBA", RGB8),
        ("CMYK", RGB8),
        ("I;16", GREY16),
    ],
)
def test_what_a_picture_is_does_not_count_its_transparency(mode, kind, tmp_path):
    image = Image.fromarray(draw_bands(1)[..., 0])
    if mode != "I;16":
        image = Image.fromarray(draw_bands(3, np.uint8)).convert(mode)
    image.save(tmp_path / "a.tif" if mode == "CMYK" else tmp_path / "a.png")
    (path,) = tmp_path.iterdir()

    assert kind_of(read_pixels(path, None).pixels) == kind


def test_16_bits_are_scaled_to_8_as_for_rgb(tmp_path):
    pixels = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    path = save(tmp_path / "a.png", pixels)

    assert np.array_equal(read_pixels(path, PixelKind(1)).pixels, read_image(path).pixels[..., :1])


def test_8_bits_are_no_16(tmp_path):
    path = save(tmp_path / "a.png", draw_bands(1, np.uint8))

    with pytest.raises(
        InputError, match=r"a\.png: found 1 channel of 8 bits, expected 1 channel of 16"
    ):
        read_pixels(path, GREY16)


def test_another_number_of_channels_is_refused_with_what_to_do(tmp_path):
    path = save(tmp_path / "a.png", draw_bands(3, np.uint8))

    with pytest.raises(
        InputError, match=r"a\.png: found 3 channels of 8 bits, expected 4 .* in_channels = 3"
    ):
        read_pixels(path, PixelKind(4))


def test_grey_stands_for_three_equal_channels_and_they_for_grey(tmp_path):
    grey = draw_bands(1)
    path = save(tmp_path / "a.png", grey)
    three = save(tmp_path / "b.png", np.repeat(draw_bands(1, np.uint8), 3, axis=2))

    assert np.array_equal(read_pixels(path, PixelKind(3, 16)).pixels, np.repeat(grey, 3, axis=2))
    assert np.array_equal(read_pixels(three, PixelKind(1)).pixels, draw_bands(1, np.uint8))


def test_a_pillow_image_gives_its_channels():
    pixels = draw_bands(4, np.uint8)

    assert np.array_equal(pixels_from_pillow(Image.fromarray(pixels), PixelKind(4)).pixels, pixels)


@pytest.mark.parametrize(
    "values",
    [np.zeros((4, 5), np.uint16), np.zeros((4, 5, 3), np.uint16), np.zeros((4, 5, 4), np.uint8)],
)
def test_an_array_of_another_kind_is_refused(values):
    with pytest.raises(InputError, match=r"expected \(H, W, 4\) uint16"):
        pixels_from_array(values, PixelKind(4, 16))


def test_a_plane_is_enough_for_one_channel():
    assert pixels_from_array(np.zeros((4, 5), np.uint16), GREY16).pixels.shape == (4, 5, 1)
