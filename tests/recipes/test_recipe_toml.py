"""Recipes written as TOML are read again as they were."""

import tomllib

import pytest

from atrous.recipes.classify_recipe import classify_recipe_from, is_classification
from atrous.recipes.recipe import Recipe, read_recipe, recipe_from, shipped_recipes
from atrous.recipes.recipe_toml import recipe_toml


def read(text: str) -> Recipe:
    return recipe_from(tomllib.loads(text), where="the test")


PATHS = shipped_recipes()


def fitted(path) -> Recipe:
    table = tomllib.loads(path.read_text("utf-8"))
    return recipe_from({**table, "model": {"num_classes": 7, **table["model"]}}, where=path.name)


@pytest.mark.parametrize("name", [n for n, p in PATHS.items() if not is_classification(p)])
def test_every_shipped_recipe_is_read_as_it_was_written(name):
    recipe = fitted(PATHS[name])

    assert read(recipe_toml(recipe, comment="One line.\n\nAnother.")) == recipe


@pytest.mark.parametrize("name", [n for n, p in PATHS.items() if is_classification(p)])
def test_so_is_every_recipe_of_a_classifier(name):
    table = tomllib.loads(PATHS[name].read_text("utf-8"))
    recipe = classify_recipe_from(
        {**table, "model": {"num_classes": 7, **table["model"]}}, where=""
    )

    assert classify_recipe_from(tomllib.loads(recipe_toml(recipe)), where="") == recipe


def test_lists_texts_and_tables_of_a_recipe_are_kept():
    recipe = recipe_from(
        {
            "model": {"encoder": "mobilenetv2", "num_classes": 2},
            "data": {"copy_paste": {"classes": ['a "b"\\', "ü\n\x7f\x01"]}, "bits": 16},
            "train": {"steps": 3, "learning_rate": 1e-5, "class_weights": [1.0, 2.5]},
        },
        where="the test",
    )

    assert read(recipe_toml(recipe)) == recipe


def test_the_comment_stands_on_top(tmp_path):
    recipe = fitted(shipped_recipes()["folder"])
    path = tmp_path / "recipe.toml"
    path.write_text(recipe_toml(recipe, comment="Trained by hand.\n\nNo."), encoding="utf-8")

    assert path.read_text("utf-8").startswith("# Trained by hand.\n#\n# No.\n\n[model]\n")
    assert read_recipe(path) == recipe
