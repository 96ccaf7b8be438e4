"""Datasets and machines are measured."""

import numpy as np
import pytest
from PIL import Image

from atrous.errors import DatasetError
from atrous.recipes.measure import look_at_machine, measure_dataset
from atrous.weights.load import find_start


def write_pair(folder, name, labels, *, dtype=np.uint8):
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    pixels = labels.astype(dtype) * 40
    if dtype == np.uint8:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    Image.fromarray(pixels).save(folder / "images" / f"{name}.png")
    Image.fromarray(labels.astype(np.uint8)).save(folder / "masks" / f"{name}.png")


def write_dataset(root, sizes=((20, 30), (40, 10), (60, 20)), *, splits=("train", "val"), **kind):
    for split in splits:
        for index, size in enumerate(sizes):
            labels = np.zeros(size, int)
            labels[: size[0] // 10] = index  # a tenth of the pixels
            write_pair(root / split, f"p{index}", labels, **kind)
    return root


def test_sizes_are_the_median_and_the_largest_of_each_side(tmp_path):
    found = measure_dataset(write_dataset(tmp_path))

    assert (found.median_size, found.largest_size) == ((40, 20), (60, 30))


def test_shares_of_classes_are_counted_without_ignored_pixels(tmp_path):
    labels = np.zeros((10, 10), int)
    labels[:5], labels[5] = 255, 1
    for split in ("train", "val"):
        write_pair(tmp_path / split, "a", labels)

    found = measure_dataset(tmp_path)

    assert found.shares == (0.8, 0.2)
    assert found.shown == (1.0, 1.0)


def test_a_class_is_shown_by_a_share_of_the_pictures(tmp_path):
    found = measure_dataset(write_dataset(tmp_path))

    assert found.shown == pytest.approx((1.0, 1 / 3, 1 / 3))
    assert (found.pictures, found.eval_pictures, found.sampled) == (3, 3, 3)


def test_no_more_than_a_sample_is_read(tmp_path):
    found = measure_dataset(write_dataset(tmp_path, sizes=[(12, 12)] * 70))

    assert (found.pictures, found.sampled) == (70, 64)


def test_pictures_other_than_rgb_are_measured(tmp_path):
    found = measure_dataset(write_dataset(tmp_path, dtype=np.uint16))

    assert (found.channels.kind.channels, found.channels.kind.bits) == (1, 16)


def test_rgb_needs_no_measuring(tmp_path):
    assert measure_dataset(write_dataset(tmp_path)).channels is None


def test_a_dataset_without_val_is_refused_with_both_ways_on(tmp_path):
    data = write_dataset(tmp_path, splits=("train",))

    with pytest.raises(DatasetError, match=r"atrous data split .*--eval-split train"):
        measure_dataset(data)
    assert measure_dataset(data, eval_split="train").eval_pictures == 3


def test_one_class_alone_is_refused(tmp_path):
    (tmp_path / "dataset.toml").write_text('names = ["leaf"]')

    with pytest.raises(DatasetError, match="one class only, 'leaf'"):
        measure_dataset(write_dataset(tmp_path, sizes=[(12, 12)]))


def test_the_encoder_of_the_start_is_told(tmp_path):
    found = measure_dataset(write_dataset(tmp_path), start=find_start("camvid"))

    assert found.start_encoder == "mobilenetv2"


def test_the_machine_has_a_core_and_memory():
    found = look_at_machine()

    assert found.cores >= 1
    assert found.memory > 0
