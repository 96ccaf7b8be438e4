"""Recipes are read strictly, and say where and how they are wrong."""

from pathlib import Path

import pytest

from atrous.data import DATASETS
from atrous.encoders import ENCODERS
from atrous.errors import ConfigError
from atrous.recipes.classify_recipe import is_classification
from atrous.recipes.recipe import (
    RECIPES,
    Recipe,
    find_recipe,
    inputs_of,
    read_recipe,
    read_table,
    recipe_from,
    recipe_notes,
    shipped_recipes,
)

SHIPPED = sorted(RECIPES.rglob("*.toml"))
SEGMENTS = [path for path in SHIPPED if not is_classification(path)]
CLASSIFIES = [path for path in SHIPPED if is_classification(path)]
GOOD = """
[model]
encoder = "mobilenetv2"
num_classes = 2
[data]
layout = "camvid"
[train]
epochs = 3
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", SEGMENTS, ids=lambda path: path.stem)
def test_every_shipped_recipe_loads(path):
    # A recipe may leave the number of classes to the dataset, and nothing else.
    table = read_table(path)
    table["model"].setdefault("num_classes", 2)

    recipe = recipe_from(table, where=str(path))

    assert recipe.model.encoder in ENCODERS
    assert recipe.data.layout in {*DATASETS, "auto"}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_recipe_is_short_and_says_how_to_run_it(path):
    text = path.read_text(encoding="utf-8")

    assert len(text.splitlines()) <= 40
    assert f"atrous train {path.stem}" in text


def test_every_shipped_recipe_can_be_found_by_its_name():
    assert sorted(shipped_recipes().values()) == SHIPPED
    assert all(find_recipe(name) == path for name, path in shipped_recipes().items())


def test_a_recipe_of_ones_own_is_found_by_its_path(tmp_path):
    path = written(tmp_path, GOOD)

    assert find_recipe(str(path)) == path


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("deeplabv3plus_mobilenet_camvid", "did you mean 'deeplabv3plus_mobilenetv2_camvid'?"),
        ("xyzzy", "shipped: deeplabv3plus_mobilenetv2_camvid"),
    ],
)
def test_a_name_that_is_no_recipe_gets_the_nearest_or_all(name, hint):
    with pytest.raises(ConfigError) as caught:
        find_recipe(name)
    assert f"no recipe {name!r}, neither a file nor a shipped name; {hint}" in str(caught.value)


def test_a_recipe_holds_what_its_file_says_and_defaults_for_the_rest(tmp_path):
    recipe = read_recipe(written(tmp_path, GOOD))

    assert recipe.model.encoder == "mobilenetv2"
    assert recipe.data.layout == "camvid"
    assert recipe.train.epochs == 3
    assert recipe.data.crop_size == (513, 513)


def test_a_recipe_survives_its_own_json(tmp_path):
    recipe = read_recipe(written(tmp_path, GOOD))

    assert recipe_from(recipe.model_dump(mode="json"), where="recipe.json") == recipe
    assert Recipe.model_validate(recipe.model_dump()) == recipe


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("epochs", "epoch", "unknown key 'train.epoch'; did you mean 'epochs'?"),
        ("epochs = 3", "epochs = 3\nlearning_rat = 1", "did you mean 'learning_rate'?"),
        ("layout", "layuot", "unknown key 'data.layuot'; did you mean 'layout'?"),
        ("encoder", "encodr", "unknown key 'model.encodr'; did you mean 'encoder'?"),
        ("[data]", "[datas]", "unknown key 'datas'; did you mean 'data'?"),
        ("[data]", "[data]\nzzz = 1", "unknown key 'data.zzz'; known: layout, train_split, "),
        ("epochs = 3", "", "train: needs a length: give epochs or steps, and not both"),
        ("epochs = 3", "epochs = 3\nsteps = 9", "train: needs a length: give epochs or steps, and"),
        ("num_classes = 2", "", "model.num_classes is missing"),
        ("[train]\nepochs = 3", "", "train is missing"),
        ("epochs = 3", "epochs = 'three'", "train.epochs: Input should be a valid integer, not 't"),
        ("epochs = 3", "epochs = '3'", "train.epochs: Input should be a valid integer, not '3'"),
        ("epochs = 3", "epochs = 3.0", "train.epochs: Input should be a valid integer, not 3.0"),
        ("epochs = 3", "epochs = true", "train.epochs: Input should be a valid integer, not True"),
        ("epochs = 3", "epochs = 0", "train.epochs: Input should be greater than or equal to 1, n"),
        ("epochs = 3", "epochs = 1979-05-27", "train.epochs: Input should be a valid integer"),
        ("[data]", "[data]\nflip = 'yes'", "data.flip: Input should be a valid boolean, not 'yes'"),
        ("[data]", "[data]\ncrop_size = [64]", "data.crop_size.1 is missing"),
        ("[data]", "[data]\ncrop_size = [64, 8]", "data.crop_size.1: Input should be greater than"),
        ("[data]", "[data]\nstd = [1.0, 0.0, 1.0]", "data.std.1: Input should be greater than 0"),
        ("[data]", "[data]\nscale = [2.0, 0.5]", "data: scale [2.0, 0.5] must give the smaller fa"),
        (
            "epochs = 3",
            "epochs = 3\nclass_weights = [1.0]",
            "recipe: train.class_weights has 1 values for 2 classes",
        ),
        (
            "epochs = 3",
            "epochs = 3\noptimizer = 'adagrad'",
            "train.optimizer: Input should be 'sgd', 'adam'",
        ),
        ("[data]", "[data", "not TOML: "),
    ],
)
def test_a_wrong_recipe_is_refused_with_its_file_and_place(tmp_path, before, after, message):
    path = written(tmp_path, GOOD.replace(before, after))

    with pytest.raises(ConfigError) as caught:
        read_recipe(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_whole_numbers_are_taken_where_fractions_are_expected(tmp_path):
    recipe = read_recipe(written(tmp_path, GOOD + "learning_rate = 1\n"))

    assert recipe.train.learning_rate == 1.0


def test_several_mistakes_are_told_at_once(tmp_path):
    path = written(tmp_path, GOOD.replace("epochs", "epoch").replace("layout", "layuot"))

    with pytest.raises(ConfigError, match=r"'data\.layuot'.*'train\.epoch'"):
        read_recipe(path)


def test_a_recipe_that_is_not_there_is_a_config_error(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_recipe(tmp_path / "no.toml")


def test_a_recipe_that_is_not_text_is_a_config_error(tmp_path):
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe\0")

    with pytest.raises(ConfigError, match=r"mine\.toml: not TOML"):
        read_recipe(tmp_path / "mine.toml")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_recipe_says_what_it_is_and_what_it_reaches(path):
    what, result = recipe_notes(path)

    assert what.startswith("Xception" if path in CLASSIFIES else "DeepLab")
    assert result.startswith(("Expect a mean IoU", "Expect a top-1", "Nothing is published"))


def test_a_recipe_without_a_comment_says_nothing(tmp_path):
    assert recipe_notes(written(tmp_path, GOOD)) == ("", "")


def test_a_file_that_is_too_large_for_a_recipe_is_not_read(tmp_path):
    path = tmp_path / "photos.tar"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # takes no room on disk

    with pytest.raises(ConfigError, match=r"photos\.tar: is larger than 1 MiB"):
        read_table(path)


@pytest.mark.parametrize("inputs", ["inputs = 5", "[inputs]\ndata = 5"])
def test_inputs_of_another_kind_are_refused_with_the_file(inputs, tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(inputs)

    with pytest.raises(ConfigError, match=r"plan\.toml: inputs"):
        inputs_of(read_table(path), where=str(path))
