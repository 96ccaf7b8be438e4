"""An epoch shows each picture as often as asked for, in an order of its own."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from atrous.data.detect import open_split
from atrous.data.layout import Split
from atrous.data.loader import EpochSampler, Normalization, Samples
from atrous.data.outlines import DrawnLabels, Outline, ring_of
from atrous.data.sample import ImageFile, Pair
from atrous.data.sampling import (
    class_indices,
    class_presence,
    epoch_length,
    epoch_order,
    generator_for,
    times_by_rarity,
)
from atrous.errors import ConfigError, InputError
from atrous.labels import LabelSet, numbered_label_set

seeds, epochs = st.integers(0, 2**32), st.integers(0, 1000)
whole_times = st.lists(st.integers(1, 4), min_size=1, max_size=30)
any_times = st.lists(st.floats(1.0, 4.0), min_size=1, max_size=30)


@given(seeds, epochs, st.integers(1, 60))
def test_without_times_an_epoch_is_a_shuffle(seed, epoch, length):
    order = epoch_order(seed, epoch, length)

    expected = generator_for(seed, epoch, length).permutation(length)
    np.testing.assert_array_equal(order, expected)
    assert epoch_length(length) == length


@given(seeds, epochs, whole_times)
def test_a_picture_is_shown_as_often_as_asked_for_and_each_time_by_another_index(
    seed, epoch, times
):
    order = epoch_order(seed, epoch, len(times), np.array(times, float))

    np.testing.assert_array_equal(np.bincount(order % len(times)), times)
    assert len(set(order.tolist())) == len(order) == sum(times)


@given(seeds, epochs, any_times)
def test_fractions_are_rounded_up_or_down_and_epochs_are_of_one_length(seed, epoch, times):
    wanted = np.array(times)
    order = epoch_order(seed, epoch, len(times), wanted)

    shown = np.bincount(order % len(times), minlength=len(times))
    # The last end is rounded, so that the last picture may have one more or less.
    assert (np.abs(shown - wanted)[:-1] < 1 + 1e-9).all()
    assert abs(shown[-1] - wanted[-1]) < 2
    assert len(set(order.tolist())) == len(order) == epoch_length(len(times), wanted)


def test_fractions_are_shown_as_often_as_they_say_over_many_epochs():
    wanted = np.array([1.0, 1.25, 1.5, 2.7, 1.55])
    shown = sum(
        np.bincount(epoch_order(0, epoch, 5, wanted) % 5, minlength=5) for epoch in range(1000)
    )

    # A share p over 1000 epochs has a standard deviation of at most 0.016.
    np.testing.assert_allclose(shown / 1000, wanted, atol=0.06)


def test_orders_depend_on_seed_and_epoch_alone():
    times = np.array([1.0, 2.0, 3.0])
    orders = {
        (seed, epoch): tuple(epoch_order(seed, epoch, 3, times))
        for seed in range(3)
        for epoch in range(4)
    }

    assert len(set(orders.values())) > 9
    assert tuple(epoch_order(2, 3, 3, times)) == orders[2, 3]


def test_the_sampler_shows_copies_that_are_augmented_each_in_its_own_way(camvid_like):
    samples = Samples(
        open_split(camvid_like, "train"),
        seed=0,
        normalization=Normalization(),
        augment=lambda sample, random: type(sample)(
            sample.name, sample.image + random.integers(0, 99, dtype=np.uint8), sample.labels
        ),
    )
    sampler = EpochSampler(4, seed=0, times=np.array([1.0, 1.0, 3.0, 1.0]))
    keys = sorted(sampler)

    assert len(sampler) == len(keys) == 6
    copies = [samples[key][0] for key in keys if key[1] % 4 == 2]
    assert len({float(copy.mean()) for copy in copies}) == 3


def test_presence_says_which_classes_each_picture_shows(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "trainannot").mkdir()
    for name, classes in {"a": (0, 1), "b": (2, 11), "c": (3,)}.items():
        labels = np.resize(np.array(classes, np.uint8), (4, 4))
        Image.fromarray(labels).save(tmp_path / "trainannot" / f"{name}.png")
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "train" / f"{name}.png")

    presence = class_presence(open_split(tmp_path, "train", layout="camvid"))

    assert presence.shape == (3, 11)
    assert [np.flatnonzero(row).tolist() for row in presence] == [[0, 1], [2], [3]]


def test_presence_of_outlines_is_that_of_what_is_drawn(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(path)
    square = ring_of([[2, 2], [2, 9], [9, 9], [9, 2]], "a")
    outlines = DrawnLabels(path, (Outline(2, (square,)),), background=0)
    pair = Pair("a", ImageFile(path), outlines)
    split = Split("made up", "train", numbered_label_set(4, ignore_index=255), (pair,))

    assert class_presence(split).tolist() == [[True, False, True, False]]


def test_a_damaged_label_map_is_told_with_its_name(camvid_like):
    (camvid_like / "trainannot" / "p2.png").write_bytes(b"no picture")

    with pytest.raises(InputError, match=r"p2\.png"):
        class_presence(open_split(camvid_like, "train"))


@given(st.integers(0, 2**32), st.floats(0.0, 1.0))
def test_times_by_rarity_are_the_repeat_factors_of_the_paper(seed, threshold):
    presence = np.random.default_rng(seed).random((12, 5)) < 0.3

    naive = []
    for row in presence:
        factors = [1.0]
        for index in np.flatnonzero(row):
            share = presence[:, index].sum() / 12
            factors.append(max(1.0, (threshold / share) ** 0.5))
        naive.append(max(factors))
    np.testing.assert_allclose(times_by_rarity(presence, threshold), naive)


def test_classes_are_found_by_name_and_the_nearest_is_offered():
    label_set = LabelSet(("road", "bicycle"), ((0, 0, 0), (1, 1, 1)), ignore_index=255)

    assert class_indices(("bicycle", "road"), label_set, where="x") == (1, 0)
    with pytest.raises(ConfigError, match="x: the dataset has no class 'bicycel'; did you mean 'b"):
        class_indices(("bicycel",), label_set, where="x")
    with pytest.raises(ConfigError, match="no class 'zzz'; classes: road, bicycle"):
        class_indices(("zzz",), label_set, where="x")
