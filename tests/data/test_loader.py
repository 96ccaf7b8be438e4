"""Batches depend on the seed, the epoch and the place in it, and on nothing else."""

import numpy as np
import pytest
import torch
from numpy.random import Generator
from PIL import Image

from atrous.data.augment import jitter_color, scale_crop_flip
from atrous.data.detect import open_split
from atrous.data.loader import (
    EpochSampler,
    Normalization,
    Samples,
    generator_for,
    training_batches,
)
from atrous.data.sample import Sample


def augment(sample: Sample, random: Generator) -> Sample:
    cut = scale_crop_flip(
        sample,
        random,
        crop_size=(33, 40),
        scale=(0.5, 2.0),
        flip=True,
        fill=(128, 128, 128),
        ignore_index=11,
    )
    return Sample(cut.name, jitter_color(cut.image, random, strength=0.3), cut.labels)


def samples_in(root, *, seed: int = 0, augmented: bool = True) -> Samples:
    return Samples(
        open_split(root, "train"),
        seed=seed,
        normalization=Normalization(),
        augment=augment if augmented else None,
    )


def epoch_of(root, *, epoch: int, workers: int = 0, seed: int = 0) -> torch.Tensor:
    loader, sampler = training_batches(
        samples_in(root, seed=seed), batch_size=2, workers=workers, seed=seed
    )
    sampler.set_epoch(epoch)
    return torch.cat([images for images, _ in loader])


@pytest.mark.parametrize("workers", [1, 2])
def test_batches_are_the_same_with_any_number_of_workers(camvid_like, workers):
    alone = epoch_of(camvid_like, epoch=3)

    assert torch.equal(epoch_of(camvid_like, epoch=3, workers=workers), alone)


def test_an_epoch_is_the_same_whether_or_not_others_came_before(camvid_like):
    loader, sampler = training_batches(samples_in(camvid_like), batch_size=2, workers=0, seed=0)
    for epoch in range(3):
        sampler.set_epoch(epoch)
        last = torch.cat([images for images, _ in loader])

    assert torch.equal(epoch_of(camvid_like, epoch=2), last)


def test_epochs_and_seeds_give_other_batches(camvid_like):
    first = epoch_of(camvid_like, epoch=0)

    assert not torch.equal(epoch_of(camvid_like, epoch=1), first)
    assert not torch.equal(epoch_of(camvid_like, epoch=0, seed=1), first)


def test_a_sample_does_not_depend_on_numbers_drawn_elsewhere(camvid_like):
    samples = samples_in(camvid_like)
    first = samples[(5, 1)][0]
    np.random.default_rng().random(7)
    torch.rand(7)

    assert torch.equal(samples[(5, 1)][0], first)


def test_without_augmentation_a_sample_is_what_its_files_hold(camvid_like):
    samples = samples_in(camvid_like, augmented=False)
    pair = samples.pairs.pairs[2]

    image, labels = samples[(0, 2)]

    pixels = np.asarray(Image.open(pair.image.path), np.float64)
    np.testing.assert_allclose(
        image.numpy(), (pixels.transpose(2, 0, 1) - 127.5) / 127.5, atol=1e-6
    )
    np.testing.assert_array_equal(labels.numpy(), np.asarray(Image.open(pair.labels.path)))
    assert (image.dtype, labels.dtype) == (torch.float32, torch.int64)


def test_normalization_goes_channel_by_channel():
    normalization = Normalization(mean=(10.0, 20.0, 30.4), std=(1.0, 2.0, 4.0))
    pixels = np.array([[[11, 24, 30]]], np.uint8)

    np.testing.assert_allclose(normalization.apply(pixels).ravel(), [1.0, 2.0, -0.1], atol=1e-6)
    assert normalization.fill == (10, 20, 30)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3, 6])
def test_normalization_is_exactly_its_formula_in_32_bits(channels, kind):
    random = np.random.default_rng(0)
    pixels = random.integers(0, np.iinfo(kind).max, (9, 7, channels), kind)
    mean, std = random.random((2, channels)) * 200 + 1

    normed = Normalization(tuple(mean), tuple(std)).apply(pixels).numpy()

    expected = (pixels.astype(np.float32) - mean.astype(np.float32)) / std.astype(np.float32)
    np.testing.assert_array_equal(normed, expected.transpose(2, 0, 1))
    assert normed.flags.c_contiguous


@pytest.mark.parametrize("length", [1, 2, 7, 100])
def test_an_epoch_takes_every_index_once(length):
    sampler = EpochSampler(length, seed=4)
    sampler.set_epoch(9)

    epochs, indices = zip(*sampler, strict=True)
    assert sorted(indices) == list(range(length))
    assert set(epochs) == {9}
    assert len(sampler) == length


def test_each_epoch_and_each_seed_has_an_order_of_its_own():
    def order(seed: int, epoch: int) -> tuple[int, ...]:
        sampler = EpochSampler(50, seed=seed)
        sampler.set_epoch(epoch)
        return tuple(index for _, index in sampler)

    orders = [order(seed, epoch) for seed in range(3) for epoch in range(5)]
    assert len(set(orders)) == 15
    assert order(2, 4) == orders[-1]


def test_no_two_keys_share_their_numbers():
    keys = [(s, e, i) for s in range(4) for e in range(4) for i in range(4)]
    drawn = {tuple(generator_for(*key).integers(0, 2**60, 3).tolist()) for key in keys}

    assert len(drawn) == len(keys)


def test_the_numbers_of_a_key_never_change():
    # From numpy 2.4's Philox; another value would change every training run.
    assert generator_for(1, 2, 3).integers(0, 1000, 4).tolist() == [148, 366, 215, 117]


def test_a_smaller_last_batch_is_left_out(camvid_like):
    loader, _ = training_batches(samples_in(camvid_like), batch_size=3, workers=0, seed=0)

    assert [len(images) for images, _ in loader] == [3]


def test_fewer_samples_than_a_batch_make_one_batch(camvid_like):
    loader, _ = training_batches(samples_in(camvid_like), batch_size=16, workers=0, seed=0)

    assert [len(images) for images, _ in loader] == [4]
