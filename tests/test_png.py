"""Label maps as PNG, held against Pillow's reader."""

import io

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from atrous.png import png_of_indices

PALETTE = ((1, 2, 3), (40, 50, 60))


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


@settings(max_examples=60, deadline=None)
@given(
    labels=st.sampled_from([np.uint8, np.uint16]).flatmap(
        lambda dtype: arrays(dtype, array_shapes(min_dims=2, max_dims=2, max_side=40))
    )
)
def test_any_labels_are_read_as_they_were_written(labels):
    image = opened(png_of_indices(labels, PALETTE))

    np.testing.assert_array_equal(np.asarray(image), labels)
    assert image.mode == ("P" if labels.dtype == np.uint8 else "I;16")


def test_the_palette_is_kept_and_filled_up_with_white():
    image = opened(png_of_indices(np.zeros((2, 3), np.uint8), PALETTE))

    assert image.getpalette() == [1, 2, 3, 40, 50, 60] + [255] * 762


def test_maps_that_are_not_contiguous_are_written_whole():
    labels = np.arange(60, dtype=np.uint8).reshape(6, 10)[::2, ::-1]

    np.testing.assert_array_equal(np.asarray(opened(png_of_indices(labels, PALETTE))), labels)


def test_files_of_regions_are_about_as_small_as_pillows():
    rows, columns = np.mgrid[:300, :400]
    waves = np.sin(rows / 30) + np.cos(columns / 40 + rows / 90)
    labels = np.digitize(waves, [-1, 0, 1]).astype(np.uint8)
    usual = io.BytesIO()
    Image.fromarray(labels).convert("P").save(usual, "PNG")

    # Runs and rows alike compress nearly as well as a search; on large regions better.
    assert len(png_of_indices(labels, PALETTE)) < 1.25 * usual.tell()
