"""Objects and rectangles of another sample take their labels along."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atrous.data.detect import open_split
from atrous.data.mixing import RandomPicture, copy_paste, cut_mix
from atrous.data.sample import Sample

seeds = st.integers(0, 2**32)
BACKGROUND, RIDER, BICYCLE, TREE = range(4)


def flat(value: int, size: tuple[int, int] = (20, 30), channels: int = 3) -> Sample:
    """One label, with a colour ten times it."""
    return Sample(
        f"all {value}",
        np.full((*size, channels), 10 * value, np.uint8),
        np.full(size, value, np.uint8),
    )


def objects() -> Sample:
    """A rider on a bicycle at the left, another bicycle at the right, a tree in between."""
    sample = flat(BACKGROUND)
    sample.labels[2:8, 2:8] = RIDER
    sample.labels[8:14, 2:8] = BICYCLE
    sample.labels[8:14, 22:28] = BICYCLE
    sample.labels[2:14, 12:16] = TREE
    sample.image[:] = sample.labels[..., None] * 10
    return sample


def pasted(seed: int, **options: object) -> Sample:
    onto = flat(9)
    settings = {"classes": (RIDER, BICYCLE)} | options
    return copy_paste(onto, objects(), np.random.default_rng(seed), **settings)


@given(seeds)
def test_pasted_objects_bring_their_labels_and_nothing_else(seed):
    result = pasted(seed)

    assert set(np.unique(result.labels)) <= {9, RIDER, BICYCLE}
    np.testing.assert_array_equal(result.image, result.labels[..., None].repeat(3, axis=2) * 10)


def test_objects_are_taken_each_for_itself_and_those_that_touch_together():
    kinds = []
    for seed in range(400):
        labels = pasted(seed).labels
        left, right = labels[10, 4] == BICYCLE, labels[10, 24] == BICYCLE
        assert (labels[4, 4] == RIDER) == left
        kinds.append((left, right))

    counts = [kinds.count((left, right)) for left in (False, True) for right in (False, True)]
    # 100 expected of each, by chance within 4 standard deviations of 8.7.
    assert max(abs(count - 100) for count in counts) < 35


def test_a_soft_edge_mixes_colours_along_edges_and_no_labels():
    hard, soft = (pasted(3, soft_edge=edge) for edge in (0.0, 1.0))

    np.testing.assert_array_equal(hard.labels, soft.labels)
    changed = (hard.image != soft.image).any(axis=2)
    assert changed.any()
    assert not changed[17:, 10:20].any()


def test_where_there_are_no_objects_a_sample_stays_as_it_is():
    sample = flat(9)

    assert copy_paste(sample, flat(TREE), np.random.default_rng(0), classes=(RIDER,)) is sample


@given(seeds)
def test_cut_mix_lays_one_rectangle(seed):
    result = cut_mix(flat(1), flat(2), np.random.default_rng(seed))

    mask = result.labels == 2
    assert set(np.unique(result.labels)) <= {1, 2}
    np.testing.assert_array_equal(mask, np.outer(mask.any(axis=1), mask.any(axis=0)))
    np.testing.assert_array_equal(result.image, result.labels[..., None].repeat(3, axis=2) * 10)


def test_cut_mix_lays_rectangles_of_all_sizes_everywhere():
    masks = np.stack(
        [cut_mix(flat(1), flat(2), np.random.default_rng(seed)).labels == 2 for seed in range(600)]
    )

    shares = masks.mean(axis=(1, 2))
    # A rectangle that would be half of the picture is cut off at borders to 0.29 on average; over
    # shares s drawn evenly the mean is the integral of (sqrt(s) - s / 4) ** 2, which is 0.32.
    assert shares.mean() == pytest.approx(0.3208, abs=0.03)
    assert shares.max() > 0.8
    assert masks.any(axis=0).all()


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_samples_of_any_channels_are_mixed(channels):
    random = np.random.default_rng(0)
    one, other = flat(1, channels=channels), flat(2, channels=channels)

    assert cut_mix(one, other, random).image.shape == one.image.shape
    soft = copy_paste(one, other, np.random.default_rng(3), classes=(2,), soft_edge=2.0)
    assert soft.image.shape == one.image.shape


def test_what_is_laid_upon_is_not_written_to():
    one, other = flat(1), flat(2)
    cut_mix(one, other, np.random.default_rng(0))
    copy_paste(one, other, np.random.default_rng(3), classes=(2,))

    assert (one.labels == 1).all()
    assert (one.image == 10).all()


def test_partners_come_from_the_pictures_that_are_named_and_depend_on_the_numbers(camvid_like):
    pairs = open_split(camvid_like, "train")
    partner = RandomPicture(pairs, [1, 3], lambda sample, _: sample)

    names = [partner(np.random.default_rng(seed)).name for seed in range(20)]

    assert set(names) == {pairs.pairs[1].name, pairs.pairs[3].name}
    assert names == [partner(np.random.default_rng(seed)).name for seed in range(20)]
