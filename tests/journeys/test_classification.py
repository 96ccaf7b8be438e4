"""From folders of classes to a file that names what pictures show."""

import csv
import json

import pytest
from safetensors.torch import load_file

import atrous
from atrous.cli.main import main
from atrous.recipes.classify import run_classification
from atrous.recipes.classify_recipe import classify_recipe_from
from data.class_pictures import COLORS, write_class_folders
from journeys.tiny import Notes, assert_same, state_in

RECIPE = """
task = "classification"

[model]
encoder = "mobilenetv2_035"
dropout = 0.2

[data]
side = 40
workers = 0

[train]
epochs = 10
batch_size = 6
learning_rate = 0.02
schedule = "step"
decay_factor = 0.94
decay_epochs = 2
norm_momentum = 0.3
ema_decay = 0.5
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_class_folders(tmp_path_factory.mktemp("classes") / "data")


def run(*arguments):
    with pytest.raises(SystemExit) as exit_info:
        main([str(argument) for argument in arguments])
    return exit_info.value.code


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    root = tmp_path_factory.mktemp("trained")
    (root / "colors.toml").write_text(RECIPE)
    assert run("train", root / "colors.toml", "--data", data, "--out", root / "run", "-q") == 0
    return root / "run"


def test_colours_are_learned_in_forty_steps(trained):
    with (trained / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert [int(row["epoch"]) for row in rows] == list(range(1, 11))
    # By chance 1/3; a colour for each class is not missed by a network that learns at all.
    assert float(rows[-1]["top1"]) > 0.6
    assert float(rows[-1]["top5"]) == 1.0


def test_the_model_file_names_what_a_picture_shows(trained, data):
    classifier = atrous.load_classifier(trained / "best.safetensors")

    found = [classifier.predict(data / "val" / name / "val_0.jpg").top(1)[0][0] for name in COLORS]
    assert classifier.card.classes == tuple(sorted(COLORS))
    assert sum(name == top for name, top in zip(COLORS, found, strict=True)) >= 2


def test_the_accuracy_of_the_run_is_that_of_its_file(trained, data):
    classifier = atrous.load_classifier(trained / "last.safetensors")

    right = [
        classifier.predict(path).top(1)[0][0] == name
        for name in COLORS
        for path in sorted((data / "val" / name).iterdir())
    ]
    assert classifier.card.result["top1"] == pytest.approx(sum(right) / len(right))
    assert classifier.card.result["images"] == len(right) == 24


def tiny(**train):
    settings = {"steps": 10, "batch_size": 5, "device_batch": 3, "learning_rate": 0.01, **train}
    return classify_recipe_from(
        {
            "task": "classification",
            "model": {"encoder": "mobilenetv2_035", "num_classes": 3},
            "data": {"side": 40, "workers": 0},
            "train": {"precision": "fp32", "ema_decay": 0.5, "evaluate_every": 100, **settings},
        },
        where="the test",
    )


class StoppedError(Exception):
    """What stands for a kill."""


def test_a_run_that_was_broken_off_goes_on_bit_for_bit(data, tmp_path):
    def stop(progress):
        if progress.step == 7:  # in the middle of an epoch of 4 steps
            raise StoppedError

    recipe = tiny(checkpoint_steps=1)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    run_classification(recipe, data, out=whole, name="tiny", reporter=Notes())
    with pytest.raises(StoppedError):
        run_classification(recipe, data, out=broken, name="tiny", reporter=Notes(stop))

    notes = Notes()
    run_classification(recipe, data, out=broken, name="tiny", reporter=notes, resume=True)

    assert notes.steps_done == 6
    assert_same(state_in(broken), state_in(whole))
    assert_same(load_file(broken / "last.safetensors"), load_file(whole / "last.safetensors"))
    assert (broken / "metrics.csv").read_text() == (whole / "metrics.csv").read_text()


def test_other_settings_are_not_resumed_by_accident(data, tmp_path):
    run_classification(tiny(steps=1), data, out=tmp_path / "run", name="t", reporter=Notes())
    other = tiny(steps=1, learning_rate=0.5)

    with pytest.raises(
        atrous.errors.WeightsError, match=r"train\.learning_rate was 0\.01, is 0\.5"
    ):
        run_classification(
            other, data, out=tmp_path / "run", name="t", reporter=Notes(), resume=True
        )


def test_the_recipe_of_the_paper_takes_a_step_and_counts_the_classes(tmp_path, capsys):
    few = write_class_folders(tmp_path / "few", pictures=1)

    options = ("--epochs", "1", "--json", "--out", tmp_path / "run")
    assert run("train", "imagenet_xception", "--data", few, *options) == 0

    result = json.loads(capsys.readouterr().out)["result"]
    assert result["images"] == 3
    assert 0 <= result["top1"] <= result["top5"] == 1.0


@pytest.mark.parametrize("option", [("--layout", "voc"), ("--start", "camvid")])
def test_options_of_segmentation_are_refused(option, data, capsys):
    assert run("train", "imagenet_xception", "--data", data, *option) == 2

    assert f"{option[0]} is for segmentation" in capsys.readouterr().err


def test_a_number_of_classes_that_the_folders_have_not_is_refused(data, tmp_path):
    recipe = tiny()
    model = recipe.model.model_copy(update={"num_classes": 5})

    with pytest.raises(atrous.errors.ConfigError, match=r"num_classes = 5, .* has 3 folders"):
        run_classification(
            recipe.model_copy(update={"model": model}),
            data,
            out=tmp_path / "run",
            name="t",
            reporter=Notes(),
        )


def test_a_damaged_picture_is_named(tmp_path, capsys):
    root = write_class_folders(tmp_path / "data", pictures=1)
    (root / "train" / "red" / "train_0.jpg").write_bytes(b"no picture")
    (tmp_path / "colors.toml").write_text(RECIPE)

    assert run("train", tmp_path / "colors.toml", "--data", root, "--out", tmp_path / "run") == 3

    assert "train_0.jpg" in capsys.readouterr().err
