"""Pictures and label maps from files and back: hostile files, odd formats, whole files or none."""

import errno
import io
import os
import resource
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from atrous.errors import DatasetError, InputError, ResourceError
from atrous.imaging import (
    picture_from_pillow,
    read_image,
    read_labels,
    read_raw_labels,
    write_file,
    write_image,
    write_labels,
)

RANDOM = np.random.default_rng(0)
NOISE = RANDOM.integers(0, 256, (20, 30, 3), dtype=np.uint8)
EXIF_ORIENTATION = 0x0112


def encoded(image: Image.Image, format_name: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format=format_name, **options)
    return file.getvalue()


def placed(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def png(width: int, height: int, *, bits: int, color: int, rows: bytes) -> bytes:
    """A PNG of packed rows, each behind its filter byte."""
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    return png_of_chunks((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))


def png_of_chunks(*chunks: tuple[bytes, bytes]) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


# what cannot be read is refused in a sentence


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    with pytest.raises(InputError, match=r"no\.png: no such file"):
        read_image(tmp_path / "no.png")


def test_a_folder_is_no_picture(tmp_path):
    with pytest.raises(InputError, match="is a folder, expected a picture"):
        read_image(tmp_path)


def test_an_empty_file_is_said_to_be_empty(tmp_path):
    with pytest.raises(InputError, match=r"a\.jpg: the file is empty"):
        read_image(placed(tmp_path / "a.jpg", b""))


def test_a_name_longer_than_the_file_system_allows_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_image(tmp_path / ("a" * 300 + ".png"))


def test_a_name_with_a_zero_byte_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_image(Path(f"{tmp_path}/a\0b.png"))


@pytest.mark.parametrize("percent", [0, 1, 50, 99])
def test_a_truncated_jpeg_is_refused(tmp_path, percent):
    whole = encoded(Image.fromarray(NOISE), "JPEG")
    path = placed(tmp_path / "a.jpg", whole[: len(whole) * percent // 100])

    with pytest.raises(InputError, match=r"a\.jpg: "):
        read_image(path)


@pytest.mark.parametrize("format_name", ["PNG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "AVIF"])
def test_half_a_file_of_any_format_is_refused(format_name):
    whole = encoded(Image.fromarray(NOISE), format_name)

    with pytest.raises(InputError, match="the given stream: "):
        read_image(io.BytesIO(whole[: len(whole) // 2]))


@pytest.mark.parametrize(
    "content",
    [
        b"<!DOCTYPE html><html><body>404</body></html>",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
        b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + bytes(64),
        b"8BPS\0\1" + bytes(6) + b"\0\3" + bytes(40),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"%PDF-1.4\n1 0 obj\n",
        b"SIMPLE  =                    T".ljust(2880),
        b"\0\0\1\0\1\0\x10\x10" + bytes(60),
    ],
    ids=["html", "svg", "heic", "psd", "eps", "pdf", "fits", "ico"],
)
def test_what_is_not_a_listed_format_is_refused_whatever_its_name(tmp_path, content):
    path = placed(tmp_path / "a.jpg", content)

    with pytest.raises(InputError, match="not a picture in a format that is read"):
        read_image(path)


@pytest.mark.parametrize("format_name", ["EPS", "PDF", "ICO", "TGA", "PCX", "SGI"])
def test_formats_that_pillow_knows_and_we_do_not_want_are_never_tried(format_name):
    content = encoded(Image.fromarray(NOISE), format_name)

    with pytest.raises(InputError, match="not a picture in a format that is read"):
        read_image(io.BytesIO(content))


def test_the_content_decides_and_not_the_ending(tmp_path):
    path = placed(tmp_path / "a.png", encoded(Image.new("RGB", (5, 4), "red"), "JPEG"))

    assert read_image(path).pixels.shape == (4, 5, 3)


# sizes are looked at before pixels


def one_bit_png(side: int) -> bytes:
    """White squares as large as asked for, compressed row by row and never held."""
    packer = zlib.compressobj()
    row = b"\0" + b"\xff" * ((side + 7) // 8)
    body = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    return png_of_chunks((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))


_MEASURE = """
import resource, sys
from pathlib import Path
from PIL import Image
from atrous.errors import InputError
from atrous.imaging import read_image
Image.init()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_image(Path(sys.argv[1]))
except InputError as error:
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(grown / 1024, error, sep="\\n")
"""


@pytest.mark.parametrize("side", [12_000, 30_000])
def test_a_decompression_bomb_is_refused_from_its_header(tmp_path, side):
    path = placed(tmp_path / "bomb.png", one_bit_png(side))
    run = subprocess.run(
        [sys.executable, "-c", _MEASURE, path], capture_output=True, text=True, check=True
    )
    megabytes, message = run.stdout.splitlines()

    # Decoded, they would take 144 and 900 megabytes in grey, and three times that in RGB.
    assert float(megabytes) < 15
    assert "megapixels" in message


def test_more_pixels_than_asked_for_are_refused_with_both_numbers():
    content = encoded(Image.new("L", (2000, 1000)), "PNG")

    with pytest.raises(InputError, match="2000 x 1000 is 2 megapixels, more than the limit of 1;"):
        read_image(io.BytesIO(content), max_pixels=1_000_000)


# damaged bytes give a picture or an error of ours, and nothing else

SMALL = Image.fromarray(NOISE[:12, :16])
VICTIMS = {
    "jpeg": encoded(SMALL, "JPEG"),
    "jpeg progressive": encoded(SMALL, "JPEG", progressive=True),
    "jpeg cmyk": encoded(SMALL.convert("CMYK"), "JPEG"),
    "jpeg exif": encoded(SMALL, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6"),
    "png": encoded(SMALL, "PNG"),
    "png palette": encoded(SMALL.convert("P"), "PNG", transparency=3),
    "png deep": encoded(Image.fromarray(NOISE[..., 0].astype(np.uint16) * 257), "PNG"),
    "apng": encoded(SMALL, "PNG", save_all=True, append_images=[SMALL.rotate(180)]),
    "webp": encoded(SMALL, "WEBP"),
    "webp lossless": encoded(SMALL.convert("RGBA"), "WEBP", lossless=True),
    "tiff": encoded(SMALL, "TIFF"),
    "tiff lzw": encoded(SMALL, "TIFF", compression="tiff_lzw"),
    "tiff float": encoded(SMALL.convert("F"), "TIFF"),
    "bmp": encoded(SMALL, "BMP"),
    "gif": encoded(SMALL, "GIF", save_all=True, append_images=[SMALL.rotate(180)]),
    "ppm": encoded(SMALL, "PPM"),
    "avif": encoded(SMALL, "AVIF"),
}


@pytest.mark.parametrize("name", VICTIMS)
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_flipped_bytes_give_a_picture_or_an_input_error(name, data):
    damaged = bytearray(VICTIMS[name])
    places = st.integers(0, len(damaged) - 1) | st.integers(0, min(len(damaged), 64) - 1)
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=4)):
        damaged[place] = value
    del damaged[data.draw(st.integers(len(damaged) // 2, len(damaged))) :]

    try:
        pixels = read_image(io.BytesIO(damaged), max_pixels=1_000_000).pixels
    except (InputError, ResourceError):
        return
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=200), start=st.sampled_from([v[:12] for v in VICTIMS.values()]))
def test_made_up_bytes_behind_a_true_signature_give_an_input_error(content, start):
    with pytest.raises(InputError):
        read_image(io.BytesIO(start + content), max_pixels=10_000)


PNG_4X4 = png(4, 4, bits=8, color=2, rows=b"".join(b"\0" + r.tobytes() for r in NOISE[:4, :4]))


@pytest.mark.parametrize("place", range(len(PNG_4X4)))
def test_a_flipped_byte_of_a_png_never_changes_a_pixel_unseen(place):
    damaged = bytearray(PNG_4X4)
    damaged[place] ^= 0xFF

    try:
        pixels = read_image(io.BytesIO(damaged)).pixels
    except InputError:
        return
    np.testing.assert_array_equal(pixels, NOISE[:4, :4])


def test_a_header_whose_checksum_is_wrong_is_refused():
    damaged = bytearray(PNG_4X4)
    damaged[PNG_4X4.index(b"IHDR") + 4 + 13] ^= 0x01

    with pytest.raises(InputError, match="the given stream: "):
        read_image(io.BytesIO(damaged))


def test_damaged_exif_does_not_lose_the_picture():
    content = encoded(Image.fromarray(NOISE), "PNG", exif=b"Exif\0\0not a TIFF header at all")

    picture = read_image(io.BytesIO(content))

    np.testing.assert_array_equal(picture.pixels, NOISE)
    assert picture.notes == ("its EXIF data are damaged; it was taken as it is stored",)


def test_a_second_frame_that_is_damaged_does_not_lose_the_first():
    first = Image.fromarray(NOISE[..., 0])
    content = encoded(first, "TIFF", save_all=True, append_images=[first])

    picture = read_image(io.BytesIO(content[:-40]))

    np.testing.assert_array_equal(picture.pixels[..., 0], NOISE[..., 0])


# depth, colour and transparency


def test_a_16_bit_grey_ramp_keeps_its_order_and_fills_all_256_levels():
    ramp = np.arange(65_536, dtype=np.uint16).reshape(256, 256)

    pixels = read_image(io.BytesIO(encoded(Image.fromarray(ramp), "PNG"))).pixels

    np.testing.assert_array_equal(pixels[..., 0], np.round(ramp / 257).astype(np.uint8))
    assert len(np.unique(pixels)) == 256
    assert (np.diff(pixels[..., 0].ravel().astype(int)) >= 0).all()


@pytest.mark.parametrize("format_name", ["PNG", "TIFF", "PPM"])
def test_16_bit_grey_is_scaled_the_same_in_every_format(format_name):
    ramp = np.linspace(0, 65_535, 64).astype(np.uint16).reshape(8, 8)

    pixels = read_image(io.BytesIO(encoded(Image.fromarray(ramp), format_name))).pixels

    np.testing.assert_array_equal(pixels[..., 1], np.round(ramp / 257).astype(np.uint8))


def test_16_bit_colour_agrees_with_opencv_to_one_level(tmp_path):
    deep = RANDOM.integers(0, 65_536, (9, 7, 3), dtype=np.uint16)
    assert cv2.imwrite(str(tmp_path / "a.png"), deep)

    pixels = read_image(tmp_path / "a.png").pixels

    assert np.abs(pixels - deep[..., ::-1] / 257).max() <= 1


@pytest.mark.parametrize(
    ("ink", "rgb"),
    [
        ((0, 255, 255, 0), (255, 0, 0)),
        ((255, 0, 255, 0), (0, 255, 0)),
        ((255, 255, 0, 0), (0, 0, 255)),
        ((0, 0, 0, 0), (255, 255, 255)),
        ((0, 0, 0, 255), (0, 0, 0)),
    ],
    ids=["red", "green", "blue", "white", "black"],
)
def test_cmyk_jpegs_show_the_colour_that_their_inks_give(ink, rgb):
    content = encoded(Image.new("CMYK", (16, 16), ink), "JPEG", quality=95)

    pixels = read_image(io.BytesIO(content)).pixels

    assert np.abs(pixels.astype(int) - rgb).max() <= 3


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_an_alpha_ramp_is_laid_on_white(mode):
    alpha = np.arange(256, dtype=np.uint8).reshape(16, 16)
    black = np.zeros((16, 16, len(mode)), np.uint8)
    black[..., -1] = alpha

    picture = read_image(io.BytesIO(encoded(Image.fromarray(black, mode), "PNG")))

    assert np.abs(picture.pixels[..., 0].astype(int) - (255 - alpha)).max() <= 1
    assert picture.notes == ("transparent pixels were laid on white",)


def test_an_opaque_alpha_channel_changes_nothing_and_is_not_worth_a_note():
    content = encoded(Image.fromarray(NOISE).convert("RGBA"), "PNG")

    picture = read_image(io.BytesIO(content))

    np.testing.assert_array_equal(picture.pixels, NOISE)
    assert picture.notes == ()


@pytest.mark.parametrize("format_name", ["PNG", "GIF"])
def test_a_transparent_palette_entry_is_laid_on_white(format_name):
    image = Image.new("P", (4, 4), 1)
    image.putpalette([0, 0, 0, 200, 0, 0])
    image.putpixel((0, 0), 0)

    picture = read_image(io.BytesIO(encoded(image, format_name, transparency=0)))

    assert picture.pixels[0, 0].tolist() == [255, 255, 255]
    assert picture.pixels[1, 1].tolist() == [200, 0, 0]
    assert picture.notes == ("transparent pixels were laid on white",)


def test_a_transparent_colour_of_an_rgb_png_is_laid_on_white():
    image = Image.new("RGB", (2, 1), (0, 0, 255))
    image.putpixel((0, 0), (9, 9, 9))

    pixels = read_image(io.BytesIO(encoded(image, "PNG", transparency=(9, 9, 9)))).pixels

    assert pixels.tolist() == [[[255, 255, 255], [0, 0, 255]]]


@pytest.mark.parametrize("format_name", ["PNG", "TIFF", "BMP", "PPM"])
def test_one_bit_is_black_and_white(format_name):
    image = Image.new("1", (10, 3))
    image.putpixel((9, 2), 1)

    pixels = read_image(io.BytesIO(encoded(image, format_name))).pixels

    assert pixels[2, 9].tolist() == [255, 255, 255]
    assert pixels.sum() == 3 * 255


def test_grey_becomes_three_equal_channels():
    pixels = read_image(io.BytesIO(encoded(Image.fromarray(NOISE[..., 0]), "PNG"))).pixels

    np.testing.assert_array_equal(pixels, np.repeat(NOISE[..., :1], 3, axis=2))


def test_not_a_number_is_black_and_does_not_change_the_scale_of_the_rest():
    height = np.array([[500.0, 750.0], [1000.0, np.nan]], np.float32)

    picture = read_image(io.BytesIO(encoded(Image.fromarray(height), "TIFF")))

    assert picture.pixels[..., 0].tolist() == [[0, 128], [255, 0]]
    assert picture.notes == (
        "1 pixels are not numbers and were taken as black",
        "values 500 to 1000 were scaled to 0 to 255",
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, 7.0, 3e38])
def test_a_float_picture_of_one_value_is_black(value):
    image = Image.fromarray(np.full((3, 2), value, np.float32))

    assert not picture_from_pillow(image).pixels.any()


def test_32_bit_values_are_scaled_from_their_own_range():
    image = Image.fromarray(np.array([[-100, 0, 100_000]], np.int32))

    picture = read_image(io.BytesIO(encoded(image, "TIFF")))

    assert picture.pixels[0, :, 0].tolist() == [0, 0, 255]
    assert picture.notes == ("values -100 to 100000 were scaled to 0 to 255",)


@pytest.mark.parametrize("mode", ["LA", "La", "PA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"])
def test_every_mode_of_pillow_becomes_rgb(mode):
    assert picture_from_pillow(Image.new(mode, (3, 2))).pixels.shape == (2, 3, 3)


def test_a_broken_image_object_is_an_input_error():
    image = Image.open(io.BytesIO(VICTIMS["jpeg"][:-80]))

    with pytest.raises(InputError, match="the given image: damaged or truncated"):
        picture_from_pillow(image)


# which way is up


def upright_and_stored(orientation: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture as it is to be seen, and its pixels as a camera stores them (EXIF 2.3, 4.6.4)."""
    seen = NOISE[:6, :9]
    stored = {
        1: seen,
        2: seen[:, ::-1],
        3: seen[::-1, ::-1],
        4: seen[::-1],
        5: seen.transpose(1, 0, 2),
        6: np.rot90(seen, 1),
        7: seen[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(seen, -1),
    }
    return seen, np.ascontiguousarray(stored[orientation])


@pytest.mark.parametrize("format_name", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_come_out_upright(orientation, format_name):
    seen, stored = upright_and_stored(orientation)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    options = {"lossless": True} if format_name == "WEBP" else {}

    content = encoded(Image.fromarray(stored), format_name, exif=exif, **options)

    np.testing.assert_array_equal(read_image(io.BytesIO(content)).pixels, seen)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_jpegs_agree_with_opencv(tmp_path, orientation):
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    path = tmp_path / "a.jpg"
    Image.fromarray(upright_and_stored(orientation)[1]).save(path, exif=exif, quality=95)

    pixels = read_image(path).pixels

    other = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert np.abs(pixels.astype(int) - other[..., ::-1]).max() <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_label_maps_are_turned_as_pictures_are(tmp_path, orientation):
    seen, stored = upright_and_stored(orientation)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    Image.fromarray(stored[..., 0].copy()).save(tmp_path / "a.png", exif=exif)

    np.testing.assert_array_equal(read_labels(tmp_path / "a.png"), seen[..., 0])


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_an_orientation_that_does_not_exist_is_passed_over(orientation):
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation

    content = encoded(Image.fromarray(NOISE), "PNG", exif=exif)

    np.testing.assert_array_equal(read_image(io.BytesIO(content)).pixels, NOISE)


# frames, pages and extreme sizes


@pytest.mark.parametrize("format_name", ["GIF", "TIFF", "WEBP", "PNG"])
def test_the_first_of_several_frames_is_taken_and_said(format_name):
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "green", "blue")]
    content = encoded(frames[0], format_name, save_all=True, append_images=frames[1:])

    picture = read_image(io.BytesIO(content))

    assert np.abs(picture.pixels.astype(int) - (255, 0, 0)).max() <= 3
    assert picture.notes == ("holds 3 frames or pages; the first was taken",)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (8, 8)])
def test_thin_and_tiny_pictures_are_read(size):
    width, height = size

    pixels = read_image(io.BytesIO(encoded(Image.new("RGB", size, "red"), "PNG"))).pixels

    assert pixels.shape == (height, width, 3)
    assert pixels.flags.c_contiguous


def test_reading_leaves_a_given_stream_open():
    file = io.BytesIO(VICTIMS["png"])

    read_image(file)

    assert not file.closed


# label maps keep the numbers they were given


def packed(indices: np.ndarray, bits: int) -> bytes:
    """PNG rows of ``bits`` for each index, the first in the highest bits."""
    shifts = np.arange(8 // bits)[::-1] * bits
    grouped = indices.reshape(len(indices), -1, 8 // bits).astype(np.uint8)
    return b"".join(b"\0" + row.tobytes() for row in (grouped << shifts).sum(2).astype(np.uint8))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("color", ["palette", "grey"])
def test_png_label_maps_of_every_depth_keep_raw_indices(tmp_path, bits, color):
    indices = (np.arange(64).reshape(4, 16) * 7) % 2**bits
    header = struct.pack(">IIBBBBB", 16, 4, bits, 3 if color == "palette" else 0, 0, 0, 0)
    palette = [(b"PLTE", bytes(RANDOM.integers(0, 256, 3 * 2**bits, dtype=np.uint8)))]
    chunks = [
        (b"IHDR", header),
        *(palette if color == "palette" else []),
        (b"IDAT", zlib.compress(packed(indices, bits))),
        (b"IEND", b""),
    ]

    labels = read_labels(placed(tmp_path / "a.png", png_of_chunks(*chunks)))

    np.testing.assert_array_equal(labels, indices)
    assert labels.dtype == np.uint8


@pytest.mark.parametrize("format_name", ["PNG", "TIFF", "BMP", "GIF"])
def test_palette_label_maps_keep_raw_indices_in_every_format(tmp_path, format_name):
    indices = np.arange(256, dtype=np.uint8).reshape(16, 16)
    image = Image.fromarray(indices).convert("P")
    image.putpalette(RANDOM.permutation(768).astype(np.uint8).tolist())

    labels = read_labels(placed(tmp_path / "a", encoded(image, format_name)))

    np.testing.assert_array_equal(labels, indices)


def test_16_bit_label_maps_keep_indices_above_255(tmp_path):
    indices = np.array([[0, 255, 256], [300, 65_534, 65_535]], np.uint16)
    Image.fromarray(indices).save(tmp_path / "a.png")

    labels = read_labels(tmp_path / "a.png")

    np.testing.assert_array_equal(labels, indices)
    assert labels.dtype == np.uint16


@pytest.mark.parametrize("value", [-1, 65_539])
def test_indices_that_do_not_fit_16_bits_are_refused_and_not_wrapped(tmp_path, value):
    Image.fromarray(np.array([[0, value]], np.int32)).save(tmp_path / "a.tif")

    with pytest.raises(DatasetError, match=r"a\.tif: holds values from .* go from 0 to 65535"):
        read_labels(tmp_path / "a.tif")


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "CMYK"])
def test_label_maps_of_colours_are_refused(tmp_path, mode):
    Image.new(mode, (4, 4)).save(tmp_path / "a.tif")

    with pytest.raises(DatasetError, match=f"holds {mode} colours; expected one class index"):
        read_labels(tmp_path / "a.tif")


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_opaque_colours_of_a_label_map_are_read_for_those_who_know_what_they_mean(tmp_path, mode):
    Image.new(mode, (4, 3), (7, 8, 9)).save(tmp_path / "a.png")

    np.testing.assert_array_equal(
        read_raw_labels(tmp_path / "a.png"), np.full((3, 4, 3), (7, 8, 9))
    )


def test_a_stream_is_called_by_the_name_that_is_given(tmp_path):
    with pytest.raises(InputError, match=r"^a\.tar/b\.png: not a picture"):
        read_image(io.BytesIO(b"no"), name="a.tar/b.png")


@pytest.mark.parametrize("format_name", ["JPEG", "WEBP", "AVIF"])
def test_label_maps_of_lossy_formats_are_refused(tmp_path, format_name):
    path = placed(tmp_path / "a.png", encoded(Image.new("L", (16, 16)), format_name))

    with pytest.raises(DatasetError, match=f"stored without loss, not as {format_name}"):
        read_labels(path)


def test_label_maps_of_a_tiff_with_jpeg_inside_are_refused(tmp_path):
    Image.new("L", (16, 16)).save(tmp_path / "a.tif", compression="jpeg")

    with pytest.raises(DatasetError, match="stored without loss, not as JPEG in TIFF"):
        read_labels(tmp_path / "a.tif")


def test_a_damaged_label_map_is_an_input_error(tmp_path):
    whole = encoded(Image.fromarray(NOISE[..., 0]), "PNG")

    with pytest.raises(InputError, match=r"a\.png: damaged or truncated"):
        read_labels(placed(tmp_path / "a.png", whole[:-100]))


# written whole or not at all


@pytest.mark.parametrize("count", [2, 11, 16, 17, 256])
def test_written_label_maps_read_back_as_they_were(tmp_path, count):
    labels = RANDOM.integers(0, count, (7, 13), dtype=np.uint8)
    labels[0, 0] = 255
    palette = [(index, 0, 255 - index) for index in range(count)]

    write_labels(tmp_path / "a.png", labels, palette)

    np.testing.assert_array_equal(read_labels(tmp_path / "a.png"), labels)
    colors = np.array([*palette, *[(255, 255, 255)] * 256])[:256]
    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, colors[labels])


def test_written_16_bit_label_maps_read_back_as_they_were(tmp_path):
    labels = np.array([[0, 299], [7, 65_535]], np.uint16)

    write_labels(tmp_path / "a.png", labels, [])

    np.testing.assert_array_equal(read_labels(tmp_path / "a.png"), labels)


def test_a_written_png_holds_the_very_pixels(tmp_path):
    write_image(tmp_path / "a.png", NOISE)

    np.testing.assert_array_equal(read_image(tmp_path / "a.png").pixels, NOISE)


@pytest.mark.parametrize(("ending", "format_name"), [(".JPG", "JPEG"), (".webp", "WEBP")])
def test_the_ending_chooses_the_format(tmp_path, ending, format_name):
    write_image(tmp_path / f"a{ending}", NOISE)

    with Image.open(tmp_path / f"a{ending}") as image:
        assert image.format == format_name


@pytest.mark.parametrize("name", ["a", "a.gif", "a.pdf", "a.eps"])
def test_other_endings_are_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"cannot write .*; use \.png or \.jpg"):
        write_image(tmp_path / name, NOISE)


def test_a_picture_too_wide_for_its_format_is_refused_and_leaves_nothing(tmp_path):
    with pytest.raises(InputError, match="WEBP cannot hold this picture"):
        write_image(tmp_path / "a.webp", np.zeros((1, 16_384, 3), np.uint8))

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_not_overwritten_unless_told(tmp_path):
    path = placed(tmp_path / "a.png", b"mine")

    with pytest.raises(ResourceError, match=r"a\.png: is there already; give another place or --"):
        write_image(path, NOISE)

    assert path.read_bytes() == b"mine"
    write_image(path, NOISE, overwrite=True)
    np.testing.assert_array_equal(read_image(path).pixels, NOISE)


def test_a_file_that_appears_while_writing_is_not_overwritten(tmp_path):
    path = tmp_path / "a"

    with pytest.raises(ResourceError, match="is there already"):
        write_file(path, lambda _: path.write_bytes(b"theirs"))

    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a", b"theirs")]


@pytest.mark.parametrize("overwrite", [False, True])
def test_devices_and_folders_are_never_replaced(tmp_path, overwrite):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()

    for name in ("pipe", "folder"):
        with pytest.raises(ResourceError, match=f"{name}: is not an ordinary file"):
            write_file(tmp_path / name, lambda file: file.write(b"x"), overwrite=overwrite)


def test_folders_above_a_file_are_made(tmp_path):
    write_file(tmp_path / "a" / "b" / "c", lambda file: file.write(b"x"))

    assert (tmp_path / "a" / "b" / "c").read_bytes() == b"x"


def test_written_files_have_the_permissions_of_any_new_file(tmp_path):
    placed(tmp_path / "plain", b"")
    write_file(tmp_path / "ours", lambda file: file.write(b""))

    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("inside", ["file/a.png", "file/folder/a.png"])
def test_a_path_through_a_file_is_a_resource_error(tmp_path, inside):
    placed(tmp_path / "file", b"mine")

    with pytest.raises(ResourceError, match="a part of its path is a file, not a folder"):
        write_image(tmp_path / inside, NOISE)

    assert (tmp_path / "file").read_bytes() == b"mine"


def test_a_name_too_long_to_write_is_a_resource_error(tmp_path):
    with pytest.raises(ResourceError, match="the file name is too long"):
        write_image(tmp_path / ("a" * 300 + ".png"), NOISE)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "the disk quota is used up"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EACCES, "no permission to write here"),
        (errno.EIO, r"cannot be written \(Input/output error\)"),
    ],
)
def test_what_stops_a_write_is_said_and_nothing_is_lost(tmp_path, monkeypatch, number, reason):
    def refuse(handle: int) -> None:
        raise OSError(number, os.strerror(number))

    path = placed(tmp_path / "a.png", b"before")
    monkeypatch.setattr(os, "fsync", refuse)

    with pytest.raises(ResourceError, match=rf"a\.png: {reason}"):
        write_image(path, NOISE, overwrite=True)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.png", b"before")]


def test_a_file_size_limit_leaves_the_earlier_file_and_no_other(tmp_path):
    path = placed(tmp_path / "a.png", b"before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
    try:
        with pytest.raises(ResourceError, match=r"a\.png: cannot be written \(File too large\)"):
            write_image(path, NOISE, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.png", b"before")]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_a_write_that_is_broken_off_leaves_nothing(tmp_path, error):
    def write(file: io.BufferedWriter) -> None:
        file.write(b"half")
        raise error

    with pytest.raises(error):
        write_file(tmp_path / "a", write)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    ["zwölf € 猫.png", "two words.png", "a\nb.png", "-rf.png", "a" * 251 + ".png", "\udcff.png"],
    ids=["unicode", "space", "newline", "dash", "255 bytes", "not utf-8"],
)
def test_unusual_names_are_written_and_read(tmp_path, name):
    write_image(tmp_path / name, NOISE)

    np.testing.assert_array_equal(read_image(tmp_path / name).pixels, NOISE)


def test_anti_aliased_label_maps_are_refused_for_their_colours(tmp_path):
    image = Image.new("RGB", (32, 32))
    ImageDraw.Draw(image).ellipse((4, 4, 28, 28), fill=(128, 0, 0))
    image.resize((16, 16), Image.Resampling.BILINEAR).save(tmp_path / "a.png")

    with pytest.raises(DatasetError, match="holds RGB colours"):
        read_labels(tmp_path / "a.png")
