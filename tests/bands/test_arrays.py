"""Pictures in .npy files."""

import io

import numpy as np
import pytest

from atrous.bands import PixelKind, kind_of, read_pixels
from atrous.bands.arrays import channels_last
from atrous.errors import InputError
from bands.files import draw_bands

FOUR = PixelKind(4, 16)


def save(path, values, **options):
    np.save(path, values, **options)
    return path


@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<u1"])
@pytest.mark.parametrize("first", [False, True])
def test_channels_may_be_on_either_end(dtype, first, tmp_path):
    pixels = draw_bands(4).astype(dtype)
    path = save(tmp_path / "a.npy", np.moveaxis(pixels, 2, 0) if first else pixels)

    assert np.array_equal(read_pixels(path, None).pixels, pixels)


def test_a_plane_is_a_picture_of_one_channel(tmp_path):
    pixels = draw_bands(1)
    path = save(tmp_path / "a.npy", np.asfortranarray(pixels[..., 0]))

    assert np.array_equal(read_pixels(path, PixelKind(1, 16)).pixels, pixels)


@pytest.mark.parametrize(
    ("shape", "wanted", "last"),
    [
        ((4, 9, 4), 4, (4, 9, 4)),
        ((4, 9, 5), 4, (9, 5, 4)),
        ((5, 9, 4), 4, (5, 9, 4)),
        ((3, 9, 8), None, (9, 8, 3)),
        ((8, 9, 8), None, (8, 9, 8)),
        ((2, 900, 3), 5, (900, 3, 2)),
    ],
)
def test_the_axis_of_channels_is_the_one_that_fits(shape, wanted, last):
    assert channels_last(np.zeros(shape, np.uint8), wanted, "a").shape == last


def test_a_stream_is_read_as_a_file(tmp_path):
    content = save(tmp_path / "a.npy", draw_bands(4)).read_bytes()

    assert kind_of(read_pixels(io.BytesIO(content), FOUR, name="b.npy").pixels) == FOUR


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (np.zeros((4, 5, 3), np.float32), r"shape \(4, 5, 3\) and type float32"),
        (np.zeros((4, 5, 3, 2), np.uint8), r"shape \(4, 5, 3, 2\)"),
        (np.zeros((0, 5), np.uint8), r"shape \(0, 5\)"),
        (np.zeros((70, 80, 90), np.uint8), "no axis of at most 64 channels"),
    ],
)
def test_other_arrays_are_refused_with_what_they_are(values, found, tmp_path):
    path = save(tmp_path / "a.npy", values)

    with pytest.raises(InputError, match=rf"a\.npy: .*{found}"):
        read_pixels(path, None)


def test_objects_are_never_unpickled(tmp_path):
    path = save(tmp_path / "a.npy", np.array([{"a": print}], object), allow_pickle=True)

    with pytest.raises(InputError, match="type object; expected"):
        read_pixels(path, None)


def test_a_header_that_promises_too_much_takes_no_memory(tmp_path):
    path = save(tmp_path / "a.npy", np.zeros((10, 10, 4), np.uint16))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"(10, 10, 4), }      ", b"(90000, 9000, 4), } "))

    with pytest.raises(InputError, match="3240 million values, more than the limit"):
        read_pixels(path, FOUR)


def test_damage_never_ends_in_anything_but_a_sentence(tmp_path):
    path = save(tmp_path / "a.npy", draw_bands(4))
    whole = path.read_bytes()
    for place in range(8 * 128):
        content = bytearray(whole)
        content[place // 8] ^= 1 << place % 8
        path.write_bytes(content)
        try:
            read_pixels(path, FOUR)
        except InputError as error:
            assert str(error).startswith(str(path))  # noqa: PT017, both ends are fine


@pytest.mark.parametrize("length", [3, 7, 9, 60, 200])
def test_a_file_cut_anywhere_is_refused_with_its_name(length, tmp_path):
    path = save(tmp_path / "a.npy", draw_bands(4))
    path.write_bytes(path.read_bytes()[:length])

    with pytest.raises(InputError, match=r"a\.npy: "):
        read_pixels(path, FOUR)
