"""Random scale, crop, flip, rotation and colour, held against naive versions of themselves."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from atrous.data.augment import blur, jitter_color, random_scale, scale_crop_flip
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


def test_steps_between_scales_give_the_seven_factors_of_the_release(oracle):
    with np.load(oracle / "misc.npz") as values:
        official = values["scale_factors_0.5_2_0.25"]
    random = np.random.default_rng(0)

    drawn = {random_scale(random, 0.5, 2.0, 0.25) for _ in range(200)}

    np.testing.assert_allclose(sorted(drawn), sorted(official), rtol=1e-6)


@pytest.mark.parametrize(("step", "count"), [(0.25, 7), (0.5, 4), (0.1, 16), (1.0, 2), (2.0, 1)])
def test_each_step_between_scales_is_as_likely_as_another(step, count):
    random = np.random.default_rng(0)
    drawn = [random_scale(random, 0.5, 2.0, step) for _ in range(count * 200)]

    factors, counts = np.unique(drawn, return_counts=True)
    np.testing.assert_allclose(factors, 0.5 + step * np.arange(count))
    # 200 expected in each, by chance within 4 standard deviations.
    assert np.abs(counts - 200).max() < 4 * 200**0.5


def rotated(sample: Sample, seed: int, crop_size: tuple[int, int], **options: object) -> Sample:
    return changed(sample, seed, crop_size, rotation=30.0, **options)


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.0, 1.9])
@pytest.mark.parametrize("seed", range(6))
def test_picture_and_labels_turn_together(factor, seed):
    crop = rotated(blocks((150, 190), 24), seed, (64, 80), scale=(factor, factor), flip=True)

    around = np.lib.stride_tricks.sliding_window_view(crop.labels, (3, 3))
    plain = (around == around[..., 1:2, 1:2]).all(axis=(2, 3)) & (around[..., 1, 1] < 20)
    assert plain.mean() > 0.3
    expected = crop.labels[1:-1, 1:-1][plain][:, None].repeat(3, axis=1) * 10
    # A picture is not quite in place where it was first shrunk to whole pixels: half a step.
    difference = np.abs(crop.image[1:-1, 1:-1][plain].astype(int) - expected)
    assert (difference > 1).mean() < 0.02


@given(sizes, sizes, seeds, st.floats(0.3, 3.0))
def test_turned_labels_are_never_values_that_were_not_there(size, crop_size, seed, factor):
    source = numbered(size)

    crop = rotated(source, seed, crop_size, scale=(factor, factor), flip=True)

    assert crop.labels.shape == crop_size
    assert crop.image.shape == (*crop_size, 3)
    assert set(np.unique(crop.labels)) <= {*np.unique(source.labels), IGNORED}


def test_a_drawn_line_turns_by_the_angle_that_was_drawn():
    labels = np.zeros((201, 201), np.uint8)
    labels[99:102] = 1
    image = np.repeat(labels[..., None] * 200, 3, axis=2)
    slopes = []
    for seed in range(50):
        crop = rotated(Sample("a", image, labels), seed, (101, 101), ignore_index=255)
        rows, columns = np.nonzero(crop.labels == 1)
        slopes.append(np.degrees(np.arctan(np.polyfit(columns, rows, 1)[0])))

    # Even between -30 and 30 degrees: a standard deviation of 60 / sqrt(12) = 17.3.
    assert np.abs(slopes).max() <= 31
    assert 13 < np.std(slopes) < 22


def test_what_is_turned_in_from_outside_is_fill_and_ignored():
    source = numbered((60, 60))
    crop = rotated(source, 1, (60, 60))

    corner = crop.labels[0, 0], crop.labels[-1, -1], crop.labels[30, 30]
    assert corner[:2] == (IGNORED, IGNORED)
    assert corner[2] != IGNORED
    assert tuple(crop.image[0, 0]) == FILL


def test_an_angle_of_nearly_0_is_as_good_as_none():
    source = blocks((60, 70), 6)
    straight, turned = (
        changed(source, 5, (33, 40), scale=(1.5, 1.5), flip=True, rotation=angle)
        for angle in (0.0, 1e-9)
    )

    assert (straight.labels == turned.labels).mean() > 0.99
    # Bilinear looks between pixels in steps of a 32nd, of differences up to 190.
    assert np.abs(straight.image.astype(int) - turned.image).max() <= 190 / 32


@pytest.mark.parametrize("rotation", [0.0, 40.0])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 4, 5, 9])
@pytest.mark.parametrize("factor", [0.6, 1.4])
def test_pictures_of_any_channels_and_depth_are_cut_channel_by_channel(
    channels, kind, factor, rotation
):
    high = np.iinfo(kind).max
    image = np.random.default_rng(0).integers(0, high, (40, 50, channels), kind)
    labels = np.zeros((40, 50), np.uint8)
    options = {"scale": (factor, factor), "flip": True, "rotation": rotation}
    fill = tuple(range(10, 10 + channels))

    whole = changed(Sample("a", image, labels), 3, (64, 64), fill=fill, **options)

    assert whole.image.dtype == kind
    for channel in range(channels):
        one = Sample("a", image[..., channel : channel + 1], labels)
        alone = changed(one, 3, (64, 64), fill=fill[channel : channel + 1], **options)
        difference = np.abs(whole.image[..., [channel]].astype(int) - alone.image)
        # For some numbers of channels OpenCV turns pictures in steps of a 32nd of a pixel.
        assert difference.max() <= (high / 32 if rotation else 1)


@given(seeds)
def test_a_turn_of_the_hue_keeps_greys_and_the_mean_brightness(seed):
    muted = 100 + NOISE // 5  # far from the ends, where values would be cut off
    jittered = jitter_color(muted, np.random.default_rng(seed), strength=0.0, hue=0.5)
    grey = np.repeat(NOISE[..., :1], 3, axis=2)
    still = jitter_color(grey, np.random.default_rng(seed), strength=0.0, hue=0.5)

    weights = np.array([0.299, 0.587, 0.114])
    assert np.abs(jittered @ weights - muted @ weights).max() <= 1
    assert np.abs(still.astype(int) - grey).max() <= 1


def test_a_third_of_the_circle_moves_red_towards_green_or_blue():
    red = np.full((4, 4, 3), (150, 100, 100), np.uint8)
    turned = [jitter_color(red, np.random.default_rng(s), strength=0.0, hue=0.5) for s in range(40)]

    assert {int(image[0, 0].argmax()) for image in turned} == {0, 1, 2}


@pytest.mark.parametrize("channels", [1, 2, 4, 7])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_other_pictures_than_rgb_change_in_brightness_and_contrast(channels, kind):
    image = np.random.default_rng(0).integers(50, 150, (6, 7, channels), kind)
    random = np.random.default_rng(2)
    brightness, contrast, _ = random.uniform(0.8, 1.2, 3)
    naive = brightness * (contrast * image + (1 - contrast) * image.mean(axis=(0, 1)))

    jittered = jitter_color(image, np.random.default_rng(2), strength=0.2, hue=0.1)

    assert jittered.dtype == kind
    assert np.abs(jittered - naive).max() <= 1


@pytest.mark.parametrize("channels", [1, 3, 6])
def test_blur_spreads_a_point_and_keeps_its_sum(channels):
    image = np.zeros((31, 31, channels), np.uint16)
    image[15, 15] = 60_000

    blurred = [
        blur(image, np.random.default_rng(seed), largest_sigma=2.0).astype(int)
        for seed in range(20)
    ]

    assert all(abs(b[..., -1].sum() - 60_000) < 600 for b in blurred)  # rounding of each pixel
    assert len({int(b[15, 15, 0]) for b in blurred}) > 10
    assert all(b.shape == image.shape for b in blurred)
