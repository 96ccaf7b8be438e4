"""Batches depend on the seed, the epoch and the place in it, and on nothing else."""

import multiprocessing
import signal
import subprocess
import sys
from itertools import chain

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
    StepSampler,
    generator_for,
    shared_batch,
    training_batches,
)
from atrous.data.sample import Sample
from atrous.errors import DatasetError


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
    loader, sampler = batches_of(samples_in(root, seed=seed), workers=workers)
    sampler.set_position(epoch)
    return torch.cat([batch.images for batch in loader])


def batches_of(samples: Samples, *, batch_size: int = 2, workers: int = 0):
    sampler = StepSampler(len(samples), seed=samples.seed, batch_size=batch_size)
    return training_batches(samples, sampler, workers=workers), sampler


@pytest.mark.parametrize("workers", [1, 2])
def test_batches_are_the_same_with_any_number_of_workers(camvid_like, workers):
    alone = epoch_of(camvid_like, epoch=3)

    assert torch.equal(epoch_of(camvid_like, epoch=3, workers=workers), alone)


def test_an_epoch_is_the_same_whether_or_not_others_came_before(camvid_like):
    loader, sampler = batches_of(samples_in(camvid_like))
    for epoch in range(3):
        sampler.set_position(epoch)
        last = torch.cat([batch.images for batch in loader])

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

    image, labels, index = samples[(0, 2)]

    pixels = np.asarray(Image.open(pair.image.path), np.float64)
    np.testing.assert_allclose(
        image.numpy(), (pixels.transpose(2, 0, 1) - 127.5) / 127.5, atol=1e-6
    )
    np.testing.assert_array_equal(labels.numpy(), np.asarray(Image.open(pair.labels.path)))
    assert (image.dtype, labels.dtype, index) == (torch.float32, torch.int64, 2)


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


def keys_of(sampler: StepSampler) -> list[list[tuple[int, int]]]:
    return list(sampler)


def test_a_smaller_last_batch_is_left_out(camvid_like):
    loader, _ = batches_of(samples_in(camvid_like), batch_size=3)

    assert [len(batch.images) for batch in loader] == [3]


def test_an_epoch_can_begin_at_any_of_its_steps():
    sampler = StepSampler(11, seed=3, batch_size=2)
    sampler.set_position(4)
    whole = keys_of(sampler)

    for first in range(6):
        sampler.set_position(4, first)
        assert keys_of(sampler) == whole[first:]
        assert len(sampler) == 5 - first


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_share_the_samples_of_each_step(processes):
    alone = keys_of(StepSampler(20, seed=3, batch_size=6))
    shares = [
        keys_of(StepSampler(20, seed=3, batch_size=6, process=process, processes=processes))
        for process in range(processes)
    ]

    assert [list(chain(*step)) for step in zip(*shares, strict=True)] == alone


@pytest.mark.parametrize(
    ("wanted", "samples", "processes", "got"),
    [(16, 100, 1, 16), (16, 4, 1, 4), (16, 100, 3, 15), (1, 100, 2, 2), (16, 5, 2, 4)],
)
def test_a_step_has_no_more_samples_than_there_are_and_as_many_for_each(
    wanted, samples, processes, got
):
    assert shared_batch(wanted, samples=samples, processes=processes) == got


def test_fewer_pictures_than_processes_cannot_be_shared():
    with pytest.raises(DatasetError, match="3 pictures cannot be shared by 4 processes"):
        shared_batch(16, samples=3, processes=4)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who has sent a signal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_workers_outlive_signals_that_are_not_from_their_parent(camvid_like, number):
    loader, _ = batches_of(samples_in(camvid_like), workers=1, batch_size=1)
    batches = iter(loader)
    first = [next(batches)]
    (worker,) = multiprocessing.active_children()
    subprocess.run(["kill", f"-{int(number)}", str(worker.pid)], check=True)

    assert len([*first, *batches]) == 4


def test_no_more_processes_read_than_there_are_cores(camvid_like):
    loader, _ = batches_of(samples_in(camvid_like), workers=1000)

    # torch warns where there are more, and warnings are errors here.
    assert 1 <= loader.num_workers < 1000
