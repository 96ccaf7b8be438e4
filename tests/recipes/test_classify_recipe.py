"""Recipes of classifiers are read as strictly as the others, and hold what was published."""

import pytest
import torch

from atrous.engine.optimizer import build_optimizer
from atrous.engine.schedule import learning_rate_factor
from atrous.errors import ConfigError
from atrous.models.classifier import build_classifier
from atrous.recipes.classify_recipe import (
    classify_recipe_from,
    is_classification,
    read_classify_recipe,
)
from atrous.recipes.recipe import read_table, shipped_recipes
from data.class_pictures import write_class_folders

GOOD = """
task = "classification"
[model]
num_classes = 3
[data]
side = 64
[train]
epochs = 3
"""


def written(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


def shipped(name):
    table = read_table(shipped_recipes()[name])
    table["model"]["num_classes"] = 1000
    return classify_recipe_from(table, where=name)


def test_the_task_tells_the_two_kinds_of_recipes_apart():
    found = {name for name, path in shipped_recipes().items() if is_classification(path)}

    assert found == {"imagenet_xception", "imagenet_xception65"}


def test_xception_is_trained_as_its_paper_says():
    recipe = shipped("imagenet_xception")

    train, model = recipe.train, recipe.model
    assert (train.optimizer, train.momentum, train.nesterov) == ("sgd", 0.9, False)
    assert (train.learning_rate, train.weight_decay) == (0.045, 1e-5)
    assert (model.dropout, recipe.data.side) == (0.5, 299)
    assert train.ema_decay > 0


def test_the_learning_rate_of_xception_falls_every_second_epoch():
    train = shipped("imagenet_xception").train
    assert train.epochs is not None
    factor = learning_rate_factor(train, total_steps=100 * train.epochs)

    assert [factor(step) for step in (0, 199, 200, 399)] == pytest.approx([1, 1, 0.94, 0.94])
    assert factor(6000) == pytest.approx(0.94**30)


def test_the_aligned_xception_is_trained_as_deeplab_says():
    recipe = shipped("imagenet_xception65")

    train = recipe.train
    assert (train.momentum, train.nesterov, train.learning_rate) == (0.9, True, 0.05)
    assert (train.weight_decay, train.decay_factor, train.decay_epochs) == (4e-5, 0.94, 2.0)


@pytest.mark.parametrize("name", ["imagenet_xception", "imagenet_xception65"])
def test_dense_layers_decay_and_the_rest_does_not(name):
    recipe = shipped(name)
    with torch.device("meta"):
        optimizer = build_optimizer(build_classifier(recipe.model), recipe.train)

    decays = {group["weight_decay"] for group in optimizer.param_groups}
    assert decays == {0.0, recipe.train.weight_decay}


def test_classes_are_counted_where_the_recipe_leaves_them_out(tmp_path):
    root = write_class_folders(tmp_path / "data", pictures=1)
    path = written(tmp_path, GOOD.replace("num_classes = 3", ""))

    assert read_classify_recipe(path, root).model.num_classes == 3


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("side", "sid", "unknown key 'data.sid'; did you mean 'side'?"),
        ("side = 64", "area = [0.5, 0.1]", "data: area [0.5, 0.1] must give the smaller value"),
        ("side = 64", "crop_size = [64, 64]", "unknown key 'data.crop_size'"),
        ("num_classes = 3", "in_channels = 4\nnum_classes = 3", "leave model.in_channels at 3"),
        ("epochs = 3", "epochs = 3\nclass_weights = [1.0]", "has 1 values for 3 classes"),
        ("epochs = 3", "epochs = 3\nclass_weights = 'inverse'", "must be numbers"),
        ("epochs = 3", "epochs = 3\nloss = { dice = 1.0 }", "only cross_entropy and focal"),
        ("epochs = 3", "epochs = 3\nloss = { scales = [0.5, 1.0] }", "scales is for segmentation"),
        ("epochs = 3", "", "train: needs a length"),
    ],
)
def test_a_wrong_recipe_is_refused_with_its_file_and_place(tmp_path, before, after, message):
    path = written(tmp_path, GOOD.replace(before, after))

    with pytest.raises(ConfigError) as caught:
        read_classify_recipe(path, tmp_path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
