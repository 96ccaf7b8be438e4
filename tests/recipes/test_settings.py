"""Every field of a recipe is a setting that can be typed."""

import pytest

from atrous.errors import ConfigError
from atrous.recipes.recipe import find_recipe, read_recipe, recipe_from
from atrous.recipes.settings import find_setting, parse_setting, settings, with_settings


def test_every_value_of_a_resolved_recipe_is_a_setting():
    dumped = read_recipe(find_recipe("deeplabv3plus_mobilenetv2_camvid")).model_dump()

    keys = {f"{table}.{name}" for table, fields in dumped.items() for name in fields}
    tables = {"train.loss", "data.copy_paste", "data.repeat"}
    assert keys - tables <= set(settings())
    assert {key.rpartition(".")[0] for key in settings()} == {*dumped, *tables}


def test_every_setting_has_a_meaning_and_a_flag_of_its_own():
    assert all(setting.meaning for setting in settings().values())
    assert len({setting.flag for setting in settings().values()}) == len(settings())


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("data.crop_size", "513x769", [513, 769]),
        ("data.scale", "0.5,2", [0.5, 2]),
        ("train.learning_rate", "1e-3", 0.001),
        ("train.class_weights", "inverse", "inverse"),
        ("train.class_weights", "1,2.5", [1, 2.5]),
        ("data.copy_paste.classes", "box", ["box"]),
        ("model.align_corners", "first", "first"),
        ("model.align_corners", "true", True),
        ("model.decoder_strides", "4", [4]),
        ("train.device_batch", "none", None),
    ],
)
def test_what_is_typed_becomes_a_value(key, text, value):
    assert parse_setting(key, text) == value


@pytest.mark.parametrize(
    ("key", "text", "reason"),
    [
        ("train.batch_size", "0", "--batch-size 0: .* greater than or equal to 1"),
        ("train.batch_size", "four", "--batch-size four: .* valid integer"),
        ("train.steps", "9" * 5000, "valid integer"),
        ("train.learning_rate", "1e999", "--learning-rate 1e999: .* valid number"),
        ("train.learning_rate", "nan", "valid number"),
        ("data.crop_size", "5", "--crop-size 5: "),
        ("train.optimizer", "adamx", "'adam', 'adamw'"),
        ("train.batchsize", "4", "did you mean 'train.batch_size'"),
    ],
)
def test_what_cannot_be_is_refused_with_its_flag(key, text, reason):
    with pytest.raises(ConfigError, match=reason):
        parse_setting(key, text)


def test_settings_go_before_those_of_a_table_which_stays_as_it_is():
    table = {"model": {"encoder": "xception65"}, "train": {"epochs": 3}}

    found = with_settings(table, {"model.encoder": "resnet50", "train.loss.focal": 1.0})

    assert found["model"] == {"encoder": "resnet50"}
    assert found["train"] == {"epochs": 3, "loss": {"focal": 1.0}}
    assert table["model"]["encoder"] == "xception65"


@pytest.mark.parametrize("one", ["epochs", "steps"])
def test_epochs_and_steps_take_each_others_place(one):
    other = {"epochs": "steps", "steps": "epochs"}[one]

    assert with_settings({"train": {other: 5}}, {f"train.{one}": 7})["train"] == {one: 7}


def test_none_takes_a_key_away():
    table = {"train": {"device_batch": 2}}

    assert with_settings(table, {"train.device_batch": None})["train"] == {}
    assert with_settings({}, {"data.repeat.classes": None}) == {}


def test_a_table_that_is_none_is_left_to_the_check():
    assert with_settings({"train": 5}, {"train.epochs": 2}) == {"train": {"epochs": 2}}


def test_inputs_are_no_part_of_what_a_recipe_says_of_itself():
    table = {"model": {"num_classes": 2}, "data": {}, "train": {"epochs": 1}}

    found = recipe_from({**table, "inputs": {"data": "mine", "start": "camvid"}}, where="here")

    assert (found.inputs.data, found.inputs.start) == ("mine", "camvid")
    assert "inputs" not in found.model_dump(mode="json")


def test_an_unknown_input_is_refused_with_the_nearest_name():
    table = {"model": {"num_classes": 2}, "data": {}, "train": {"epochs": 1}}

    with pytest.raises(ConfigError, match=r"'inputs\.strat'; did you mean 'start'"):
        recipe_from({**table, "inputs": {"strat": "camvid"}}, where="here")


def test_a_setting_names_its_flag():
    assert find_setting("train.loss.cross_entropy").flag == "--loss.cross-entropy"
