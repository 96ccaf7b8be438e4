"""Random scale, crop, flip and colour, held against naive versions of themselves."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from atrous.data.augment import jitter_color, scale_crop_flip
from atrous.data.sample import Sample

FILL, IGNORED = (1, 2, 3), 60_000
sides = st.integers(1, 40)
sizes = st.tuples(sides, sides)
seeds = st.integers(0, 2**32)


def numbered(size: tuple[int, int]) -> Sample:
    """Every pixel has a label of its own, and a colour that tells its row and column."""
    rows, columns = np.indices(size)
    image = np.stack([rows + 100, columns + 100, rows * 0 + 200], axis=2).astype(np.uint8)
    return Sample("a", image, (rows * size[1] + columns).astype(np.uint16))


def blocks(size: tuple[int, int], side: int) -> Sample:
    """A chequer of squares whose colour is ten times their label."""
    rows, columns = np.indices(size) // side
    labels = ((rows * 7 + columns * 3) % 20).astype(np.uint8)
    return Sample("a", np.repeat(labels[..., None] * 10, 3, axis=2), labels)


def changed(sample: Sample, seed: int, crop_size: tuple[int, int], **options: object) -> Sample:
    settings = {"scale": (1.0, 1.0), "flip": False, "fill": FILL, "ignore_index": IGNORED}
    return scale_crop_flip(
        sample, np.random.default_rng(seed), crop_size=crop_size, **(settings | options)
    )


@given(sizes, sizes, seeds)
def test_at_scale_1_a_crop_is_a_window_of_the_padded_picture(size, crop_size, seed):
    source = numbered(size)
    padding = [(0, max(c - s, 0)) for s, c in zip(size, crop_size, strict=True)]
    labels = np.pad(source.labels, padding, constant_values=IGNORED)
    image = np.stack(
        [np.pad(source.image[..., i], padding, constant_values=FILL[i]) for i in range(3)], axis=2
    )

    crop = changed(source, seed, crop_size)

    top, left = divmod(int(crop.labels[0, 0]), size[1])
    window = np.s_[top : top + crop_size[0], left : left + crop_size[1]]
    np.testing.assert_array_equal(crop.labels, labels[window])
    np.testing.assert_array_equal(crop.image, image[window])


def test_every_place_of_a_crop_is_as_likely_as_another():
    source = numbered((6, 7))
    places = [changed(source, seed, (4, 4)).labels[0, 0] for seed in range(2400)]

    counts = np.unique(places, return_counts=True)[1]
    assert len(counts) == 3 * 4
    assert counts.min() > 140
    assert counts.max() < 260


@given(sizes, sizes, seeds, st.floats(0.3, 3.0))
def test_labels_are_never_values_that_were_not_there(size, crop_size, seed, factor):
    source = numbered(size)

    crop = changed(source, seed, crop_size, scale=(factor, factor), flip=True)

    assert crop.labels.shape == crop_size
    assert set(np.unique(crop.labels)) <= {*np.unique(source.labels), IGNORED}


@given(sizes, seeds, st.floats(0.5, 2.0))
def test_padding_is_the_fill_colour_and_ignored_and_lies_right_and_below(size, seed, factor):
    crop = changed(numbered(size), seed, (48, 56), scale=(factor, factor), flip=True)

    ignored = crop.labels == IGNORED
    np.testing.assert_array_equal(ignored, (crop.image == FILL).all(axis=2))
    inside = ~ignored
    height, width = inside.any(axis=1).sum(), inside.any(axis=0).sum()
    assert inside[:height, :width].all()
    expected = [
        min(wanted, max(1, round(s * factor))) for s, wanted in zip(size, (48, 56), strict=True)
    ]
    assert [height, width] == expected


@given(st.integers(1, 40), seeds, st.floats(0.5, 2.0))
def test_a_picture_that_covers_the_crop_is_not_padded(side, seed, factor):
    size = (50, 60)
    assume(side <= round(50 * factor))

    crop = changed(numbered(size), seed, (side, side), scale=(factor, factor))

    assert not (crop.labels == IGNORED).any()


@pytest.mark.parametrize("factor", [0.5, 0.73, 1.0, 1.31, 1.9, 2.0])
@pytest.mark.parametrize("seed", range(5))
def test_picture_and_labels_stay_on_each_other_at_every_scale(factor, seed):
    crop = changed(blocks((100, 130), 12), seed, (48, 64), scale=(factor, factor), flip=True)

    # Away from the edges between squares nothing is mixed, so that colours tell their labels.
    around = np.lib.stride_tricks.sliding_window_view(crop.labels, (3, 3))
    plain = (around == around[..., 1:2, 1:2]).all(axis=(2, 3))
    inner = np.s_[1:-1, 1:-1]
    assert plain.mean() > 0.3
    np.testing.assert_array_equal(
        crop.image[inner][plain], crop.labels[inner][plain][:, None].repeat(3, axis=1) * 10
    )


@pytest.mark.parametrize("ignore_index", [-1, 255, 60_000])
def test_any_ignore_index_marks_the_padding_of_8_bit_labels(ignore_index):
    crop = changed(blocks((4, 4), 2), 0, (6, 6), ignore_index=ignore_index)

    assert (crop.labels == ignore_index).sum() == 6 * 6 - 4 * 4


def test_twice_the_size_shows_every_pixel_twice():
    source = numbered((10, 10))

    crop = changed(source, 0, (20, 20), scale=(2.0, 2.0))

    np.testing.assert_array_equal(crop.labels, source.labels.repeat(2, axis=0).repeat(2, axis=1))


def test_half_the_size_averages_four_pixels():
    source = Sample(
        "a",
        np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8),
        np.zeros((8, 8), np.uint8),
    )

    crop = changed(source, 0, (4, 4), scale=(0.5, 0.5))

    means = source.image.reshape(4, 2, 4, 2, 3).mean(axis=(1, 3))
    assert np.abs(crop.image - means).max() <= 0.5


def test_about_every_second_sample_is_mirrored_and_no_other_changed():
    source = numbered((5, 9))
    mirrored = source.labels[:, ::-1]
    seen = [changed(source, seed, (5, 9), flip=True) for seed in range(400)]

    turned = [np.array_equal(crop.labels, mirrored) for crop in seen]
    assert 160 < sum(turned) < 240
    for crop, is_turned in zip(seen, turned, strict=True):
        expected = source.image[:, ::-1] if is_turned else source.image
        np.testing.assert_array_equal(crop.image, expected)


@given(seeds)
def test_scales_are_drawn_between_the_two_given(seed):
    crop = changed(numbered((20, 20)), seed, (60, 60), scale=(0.5, 2.0))

    assert 10 <= (crop.labels[0] != IGNORED).sum() <= 40


def test_the_same_numbers_give_the_same_sample_and_leave_the_source_alone():
    source = blocks((60, 60), 6)
    before = source.image.copy(), source.labels.copy()
    first, second = (changed(source, 7, (33, 33), scale=(0.5, 2.0), flip=True) for _ in range(2))

    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(source.image, before[0])
    np.testing.assert_array_equal(source.labels, before[1])


NOISE = np.random.default_rng(1).integers(0, 256, (9, 11, 3), dtype=np.uint8)


@given(seeds)
def test_color_jitter_of_strength_0_changes_nothing(seed):
    jittered = jitter_color(NOISE, np.random.default_rng(seed), strength=0.0)

    np.testing.assert_array_equal(jittered, NOISE)


@given(seeds, st.floats(0.0, 0.9))
def test_color_jitter_is_saturation_then_contrast_then_brightness(seed, strength):
    random = np.random.default_rng(seed)
    brightness, contrast, saturation = random.uniform(1 - strength, 1 + strength, 3)
    grey = NOISE @ (0.299, 0.587, 0.114)
    mixed = saturation * NOISE + (1 - saturation) * grey[..., None]
    stretched = contrast * mixed + (1 - contrast) * grey.mean()
    naive = np.clip(brightness * stretched, 0, 255)

    jittered = jitter_color(NOISE, np.random.default_rng(seed), strength=strength)

    assert jittered.dtype == np.uint8
    assert np.abs(jittered - naive).max() <= 1


def test_color_jitter_of_a_grey_picture_stays_grey():
    grey = np.repeat(NOISE[..., :1], 3, axis=2)

    jittered = jitter_color(grey, np.random.default_rng(3), strength=0.5)

    assert (np.ptp(jittered.astype(int), axis=2) <= 1).all()


@pytest.mark.parametrize("channels", [1, 2, 5, 12])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_any_channels_are_cut_scaled_and_filled_up(channels, dtype):
    fill = tuple(range(200, 200 + channels))
    image = np.full((20, 30, channels), 7, dtype)
    sample = Sample("a", image, np.zeros((20, 30), np.uint8))

    cut = scale_crop_flip(
        sample,
        np.random.default_rng(0),
        crop_size=(40, 50),
        scale=(0.7, 1.3),
        flip=False,
        fill=fill,
        ignore_index=255,
    ).image

    assert (cut.shape, cut.dtype) == ((40, 50, channels), dtype)
    assert (cut[0, 0] == 7).all()
    assert tuple(cut[-1, -1]) == fill


@pytest.mark.parametrize("channels", [1, 4])
def test_without_colours_all_channels_get_one_brightness_and_contrast(channels):
    random = np.random.default_rng(3)
    image = random.integers(20_000, 30_000, (9, 9, channels)).astype(np.uint16)

    changed = jitter_color(image, np.random.default_rng(0), strength=0.3).astype(float)

    brightness, contrast, _ = np.random.default_rng(0).uniform(0.7, 1.3, 3)
    mean = image.mean(axis=(0, 1))
    # Whole numbers, from sums in 32-bit floats.
    expected = brightness * (contrast * (image - mean) + mean)
    np.testing.assert_allclose(changed, expected, atol=1)
