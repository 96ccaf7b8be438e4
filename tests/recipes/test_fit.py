"""A recipe is fitted to its dataset."""

import numpy as np
import pytest
from PIL import Image

from atrous.errors import ConfigError, DatasetError
from atrous.recipes.fit import read_fitting_recipe
from bands.files import draw_bands, write_tiff


def write_dataset(root, channels, dtype=np.uint16):
    for split in ("train", "val"):
        for folder in ("images", "masks"):
            (root / split / folder).mkdir(parents=True)
        write_tiff(root / split / "images" / "a.tif", draw_bands(channels, dtype))
        Image.fromarray(np.eye(11, 14, dtype=np.uint8)).save(root / split / "masks" / "a.png")
    return root


def fitted(tmp_path, dataset, model="", data=""):
    path = tmp_path / "mine.toml"
    path.write_text(
        f"[model]\nencoder = 'mobilenetv2'\n{model}\n[data]\n{data}\n[train]\nepochs = 1\n"
    )
    return read_fitting_recipe(path, dataset)


def test_channels_bits_mean_and_deviation_come_from_the_pictures(tmp_path):
    found = fitted(tmp_path, write_dataset(tmp_path / "d", 5))

    pixels = draw_bands(5).reshape(-1, 5).astype(float)
    assert (found.model.in_channels, found.data.bits, found.model.num_classes) == (5, 16, 2)
    # Rounded to two places.
    np.testing.assert_allclose(found.data.mean, pixels.mean(axis=0), atol=0.006)


def test_rgb_keeps_the_usual_normalization(tmp_path):
    found = fitted(tmp_path, write_dataset(tmp_path / "d", 3, np.uint8))

    assert (found.model.in_channels, found.data.bits, found.data.mean) == (3, 8, (127.5,) * 3)


def test_what_the_recipe_says_is_kept(tmp_path):
    dataset = write_dataset(tmp_path / "d", 1)

    found = fitted(tmp_path, dataset, model="in_channels = 3", data="bits = 8")

    assert (found.model.in_channels, found.data.bits, found.data.mean) == (3, 8, (127.5,) * 3)


def test_mean_and_deviation_are_measured_for_channels_that_are_said(tmp_path):
    found = fitted(tmp_path, write_dataset(tmp_path / "d", 4), "in_channels = 4\nnum_classes = 2")

    assert (len(found.data.mean), found.data.bits) == (4, 16)


def test_means_for_another_number_of_channels_are_refused(tmp_path):
    dataset = write_dataset(tmp_path / "d", 4)

    with pytest.raises(
        ConfigError, match=r"3 values for model\.in_channels = 4; give one for each"
    ):
        fitted(tmp_path, dataset, "in_channels = 4", "mean = [1, 2, 3]\nstd = [1, 2, 3]")


def test_as_many_deviations_as_means_are_asked_for(tmp_path):
    dataset = write_dataset(tmp_path / "d", 4)

    with pytest.raises(ConfigError, match="mean has 2 values and std 1"):
        fitted(tmp_path, dataset, "in_channels = 2", "mean = [1, 2]\nstd = [1]")


def test_settings_that_were_chosen_go_before_the_recipes(tmp_path):
    dataset = write_dataset(tmp_path / "d", 3, np.uint8)
    path = tmp_path / "mine.toml"
    path.write_text("[model]\n[data]\nlayout = 'voc'\n[train]\nepochs = 1\n")

    found = read_fitting_recipe(path, dataset, chosen={"data.layout": "auto", "train.steps": 5})

    assert (found.data.layout, found.train.steps, found.train.epochs) == ("auto", 5, None)


def test_a_dataset_of_one_class_is_refused_with_what_to_do(tmp_path):
    dataset = write_dataset(tmp_path / "d", 3, np.uint8)
    (dataset / "dataset.toml").write_text('names = ["leaf"]\nignore = 1\n')

    with pytest.raises(DatasetError, match=r"one class only, 'leaf'.*dataset\.toml"):
        fitted(tmp_path, dataset)
