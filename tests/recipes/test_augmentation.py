"""What a recipe's [data] asks for is what happens to samples."""

import pickle

import numpy as np
import pytest
from PIL import Image

from atrous.data.detect import open_split
from atrous.data.sample import Sample, read_pair
from atrous.data.sampling import generator_for
from atrous.engine.config import DataConfig
from atrous.errors import ConfigError
from atrous.recipes.augmentation import DataPlan, plan_data
from atrous.recipes.recipe import recipe_from

FILL = (128, 128, 128)
EVERYTHING = {
    "scale_step": 0.25,
    "rotation": 15.0,
    "color_jitter": 0.3,
    "hue_jitter": 0.1,
    "blur": 1.0,
    "cut_mix": 0.5,
    "copy_paste": {"classes": ["Car", "Pole"], "soft_edge": 1.0},
    "resize_range": [40, 60],
    "resize_multiple": 16,
}


def plan(root, **data: object) -> DataPlan:
    config = DataConfig.model_validate({"crop_size": (40, 48), **data})
    return plan_data(config, open_split(root, "train"), fill=FILL)


def sample_of(root, index: int = 1) -> Sample:
    pairs = open_split(root, "train")
    return read_pair(pairs.pairs[index], pairs.label_set)


def changed(root, key: tuple[int, int, int] = (0, 0, 1), **data: object) -> Sample:
    return plan(root, **data).augment(sample_of(root), generator_for(*key))


@pytest.mark.parametrize("name", EVERYTHING)
def test_each_setting_changes_samples(camvid_like, name):
    # resize_multiple alone is refused.
    extra = {"resize_range": [40, 60]} if name == "resize_multiple" else {}
    base = [changed(camvid_like, (0, 0, key), **extra) for key in range(8)]
    with_setting = [
        changed(camvid_like, (0, 0, key), **extra, **{name: EVERYTHING[name]}) for key in range(8)
    ]

    assert any((a.image != b.image).any() for a, b in zip(base, with_setting, strict=True))


def test_a_sample_with_everything_depends_on_seed_epoch_and_index_alone(camvid_like):
    first, again, other = (
        changed(camvid_like, key, **EVERYTHING) for key in [(3, 1, 2), (3, 1, 2), (3, 2, 2)]
    )

    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.labels, again.labels)
    assert (first.image != other.image).any()
    assert first.image.shape == (40, 48, 3)


def test_labels_of_a_sample_with_everything_are_classes_or_ignored(camvid_like):
    values = {
        int(value)
        for key in range(20)
        for value in np.unique(changed(camvid_like, (0, 0, key), **EVERYTHING).labels)
    }

    assert values <= set(range(12))


def test_an_augmentation_reaches_workers_that_start_anew(camvid_like):
    augment = plan(camvid_like, **EVERYTHING).augment
    sent = pickle.loads(pickle.dumps(augment))  # noqa: S301, our own

    one, two = (f(sample_of(camvid_like), generator_for(0, 0, 0)) for f in (augment, sent))
    np.testing.assert_array_equal(one.image, two.image)


def test_without_a_setting_an_epoch_shows_every_picture_once(camvid_like):
    assert plan(camvid_like).times is None


def test_pictures_of_repeated_classes_are_shown_several_times(tmp_path):
    root = two_kinds(tmp_path)

    times = plan(root, repeat={"classes": ["Car"], "times": 3}).times

    assert times.tolist() == [1.0, 1.0, 1.0, 3.0]


def test_repeats_and_rarity_go_together(tmp_path):
    root = two_kinds(tmp_path)

    times = plan(root, repeat={"classes": ["Car"]}, balance=0.5).times

    # One picture of four shows a car: sqrt(0.5 / 0.25) = 1.41.
    np.testing.assert_allclose(times, [1.0, 1.0, 1.0, 2 * 2**0.5])


def test_objects_come_from_pictures_that_have_them(tmp_path):
    root = two_kinds(tmp_path)
    settings = {"copy_paste": {"classes": ["Car"], "probability": 1.0}, "scale": (1.0, 1.0)}

    shown = [(changed(root, (0, 0, key), **settings).labels == 8).any() for key in range(60)]

    # The object of the only picture with one is taken every second time.
    assert 15 < sum(shown) < 45


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"repeat": {"classes": ["Caar"]}}, "data.repeat.classes: .* 'Caar'; did you mean 'Car'"),
        ({"copy_paste": {"classes": ["dog"]}}, "data.copy_paste.classes: .* no class 'dog'; class"),
        (
            {"copy_paste": {"classes": ["Bicyclist", "Pole"]}},
            "data.copy_paste.classes: no training picture shows 'Bicyclist', 'Pole'",
        ),
        ({"repeat": {"classes": ["Pole"]}}, "data.repeat.classes: no training picture shows 'Pol"),
    ],
)
def test_classes_that_are_not_there_are_refused(tmp_path, data, message):
    with pytest.raises(ConfigError, match=message):
        plan(two_kinds(tmp_path), **data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"scale": [2.0, 0.5]}, "smaller factor first"),
        ({"scale_step": -1}, "data.scale_step"),
        ({"resize_range": [600, 513]}, "shorter side first"),
        ({"resize_multiple": 16}, "goes with a resize_range"),
        ({"rotation": 400}, "data.rotation"),
        ({"cut_mix": 1.5}, "data.cut_mix"),
        ({"hue_jitter": 0.7}, "data.hue_jitter"),
        ({"copy_paste": {"classes": []}}, "data.copy_paste.classes"),
        ({"copy_paste": {"class": ["Car"]}}, "did you mean 'classes'"),
        ({"repeat": {"classes": ["Car"], "times": 1}}, "data.repeat.times"),
        ({"balance": 2}, "data.balance"),
        ({"cutmix": 0.5}, "did you mean 'cut_mix'"),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_their_place(data, message):
    table = {"model": {"encoder": "mobilenetv2", "num_classes": 2}, "train": {"epochs": 1}}

    with pytest.raises(ConfigError, match=message):
        recipe_from({**table, "data": data}, where="mine.toml")


def two_kinds(root):
    """Three pictures of sky and one with a car, in CamVid's layout."""
    for folder in ("train", "trainannot"):
        (root / folder).mkdir()
    for index in range(4):
        labels = np.zeros((48, 64), np.uint8)
        labels[20:30, 20:40] = 8 if index == 3 else 0
        Image.fromarray(labels).save(root / "trainannot" / f"p{index}.png")
        Image.fromarray(labels[..., None].repeat(3, 2) * 20).save(root / "train" / f"p{index}.png")
    return root
