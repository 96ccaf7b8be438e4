"""TIFF of many channels."""

import cv2
import numpy as np
import pytest

from atrous.bands import RGB8, PixelKind, read_pixels
from atrous.errors import AtrousError, InputError
from bands.files import draw_bands, write_tiff

FOUR = PixelKind(4, 16)
FORMS = {
    "chunky": {},
    "big-endian": {"order": ">"},
    "planes": {"planes": True},
    "Deflate": {"deflate": True},
    "differences": {"deflate": True, "differences": True},
    "tiles": {"tile": 16},
    "tiles of planes of differences": {
        "tile": 16,
        "planes": True,
        "deflate": True,
        "differences": True,
        "order": ">",
    },
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("channels", "dtype"), [(1, np.uint16), (2, np.uint8), (4, np.uint16), (12, np.uint16)]
)
def test_every_form_gives_the_values_that_were_written(form, channels, dtype, tmp_path):
    pixels = draw_bands(channels, dtype, size=(19, 37))
    path = write_tiff(tmp_path / "a.tif", pixels, **FORMS[form])

    read = read_pixels(path, PixelKind(channels, pixels.dtype.itemsize * 8)).pixels

    assert read.dtype == dtype
    assert np.array_equal(read, pixels)


@pytest.mark.parametrize("compression", [1, 5, 32773])
def test_files_of_another_writer_are_read_alike(compression, tmp_path):
    pixels = draw_bands(4)
    path = tmp_path / "a.tif"
    in_its_order = pixels[..., [2, 1, 0, 3]]
    cv2.imwrite(str(path), in_its_order, [cv2.IMWRITE_TIFF_COMPRESSION, compression])

    assert np.array_equal(read_pixels(path, FOUR).pixels, pixels)


def test_the_orientation_tag_turns_all_channels(tmp_path):
    pixels = draw_bands(5)
    path = write_tiff(tmp_path / "a.tif", pixels, tags={274: [6]})

    assert np.array_equal(read_pixels(path, None).pixels, np.rot90(pixels, -1))


def test_a_channel_that_is_called_transparency_is_none_but_where_it_is_asked_for(tmp_path):
    pixels = draw_bands(4)
    path = write_tiff(tmp_path / "a.tif", pixels, tags={338: [2]})

    picture = read_pixels(path, None)

    assert np.array_equal(picture.pixels, pixels[..., :3])
    assert picture.notes == ("its transparency was left out",)
    assert np.array_equal(read_pixels(path, FOUR).pixels, pixels)


@pytest.mark.parametrize("channels", [4, 5, 12])
def test_many_channels_are_no_rgb(channels, tmp_path):
    path = write_tiff(tmp_path / "a.tif", draw_bands(channels))

    with pytest.raises(
        InputError, match=rf"a\.tif: found {channels} channels of 16 bits, expected 3"
    ):
        read_pixels(path, RGB8)


def test_values_that_are_no_whole_numbers_are_refused_with_what_is_read(tmp_path):
    path = write_tiff(tmp_path / "a.tif", draw_bands(6), tags={339: [3] * 6})

    with pytest.raises(InputError, match=r"a\.tif: a TIFF of 6 channels .* unsigned 8 or 16 bits"):
        read_pixels(path, None)


def test_a_large_picture_is_refused_from_its_header(tmp_path):
    path = write_tiff(tmp_path / "a.tif", draw_bands(5), tags={256: [60_000], 257: [60_000]})

    with pytest.raises(InputError, match="3600 megapixels, more than the limit of 100"):
        read_pixels(path, None)


def test_a_size_that_the_file_cannot_hold_takes_no_memory(tmp_path):
    path = write_tiff(tmp_path / "a.tif", draw_bands(5), tags={256: [5_000], 257: [5_000]})

    with pytest.raises(InputError, match="cannot hold 5000 x 5000 pixels"):
        read_pixels(path, None)


@pytest.mark.parametrize("form", ["chunky", "tiles of planes of differences"])
def test_damaged_bytes_never_end_in_anything_but_a_sentence(form, tmp_path):
    path = write_tiff(tmp_path / "a.tif", draw_bands(4), **FORMS[form])
    whole, random = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        content = bytearray(whole)
        # The header lies at the end; most damage is done there.
        place = int(random.integers(len(content) - 300, len(content)))
        content[place] ^= 1 << int(random.integers(8))
        path.write_bytes(content)
        try:
            assert read_pixels(path, FOUR).pixels.shape[2] == 4
        except AtrousError as error:
            refused += str(error).startswith(str(path))
    assert refused > 50


def test_a_file_cut_anywhere_is_refused_with_its_name(tmp_path):
    path = write_tiff(tmp_path / "a.tif", draw_bands(4))
    whole = path.read_bytes()
    for length in range(1, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"a\.tif: "):
            read_pixels(path, FOUR)
