"""A folder is trained on without a recipe, by a plan that can be edited."""

import json
import shutil
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from PIL import Image

from atrous.cli.main import main
from conftest import write_camvid_like

TINY = (
    *("--start", "none", "--encoder", "mobilenetv2_035", "--decoder-channels", "16"),
    *("--reduced-channels", "8", "--crop-size", "40x48", "--workers", "0"),
)


def run(*arguments):
    with pytest.raises(SystemExit) as exit_info:
        main([str(argument) for argument in arguments])
    return exit_info.value.code


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of one epoch on made-up data without a recipe, and the data."""
    root = tmp_path_factory.mktemp("trained")
    data = write_camvid_like(root / "my-data")
    assert run("train", data, *TINY, "--epochs", "1", "--out", root / "run", "-q") == 0
    return root / "run", data


def settings_of(folder):
    return json.loads((folder / "recipe.json").read_text())


def test_a_folder_alone_is_trained_and_evaluated(trained, capsys):
    folder, data = trained

    assert run("evaluate", folder, data, "--json") == 0

    result = json.loads(capsys.readouterr().out)["result"]
    assert 0 <= result["mean_iou"] <= 1
    assert result["model"] == "my-data"


def test_the_run_has_its_plan_and_the_outcome(trained):
    folder, data = trained

    plan = tomllib.loads((folder / "plan.toml").read_text())
    assert plan["inputs"] == {"data": str(data), "start": "none"}
    outcome = settings_of(folder)
    assert outcome["train"]["epochs"] == plan["train"]["epochs"] == 1
    assert outcome["data"]["crop_size"] == plan["data"]["crop_size"] == [40, 48]


def test_a_run_is_resumed_by_its_own_plan(trained, tmp_path, capsys):
    folder, data = trained
    copied = shutil.copytree(folder, tmp_path / "run")

    assert run("train", data, "--out", copied, "--resume") == 0
    assert "planned" not in capsys.readouterr().err


def test_a_flag_that_changes_weights_is_refused_when_resuming(trained, capsys):
    folder, data = trained

    assert run("train", data, "--out", folder, "--resume", "--batch-size", "2") == 4
    assert "train.batch_size" in capsys.readouterr().err


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_camvid_like(tmp_path / "my-data")


def test_a_plan_is_shown_and_written_and_nothing_trained(workplace, tmp_path, capsys):
    assert run("train", "my-data", "--plan-only") == 0

    assert capsys.readouterr().out == (tmp_path / "plan.toml").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my-data", "plan.toml"]


def test_an_edited_plan_trains_alone_and_flags_go_before_it(workplace, tmp_path):
    assert run("train", "my-data", *TINY, "--steps", "1", "--plan-only", "-q") == 0
    path = tmp_path / "plan.toml"
    path.write_text(path.read_text().replace("batch_size = 4", "batch_size = 3"))

    assert run("train", "plan.toml", "--learning-rate", "2e-3", "-q") == 0

    outcome = settings_of(tmp_path / "runs" / "my-data")
    assert (outcome["train"]["batch_size"], outcome["train"]["learning_rate"]) == (3, 0.002)


def test_a_plan_that_is_there_is_not_replaced(workplace, tmp_path, capsys):
    (tmp_path / "plan.toml").write_text("# mine")

    assert run("train", "my-data", "--plan-only") == 6
    assert "plan.toml: is there already, perhaps edited" in capsys.readouterr().err
    assert (tmp_path / "plan.toml").read_text() == "# mine"


def test_a_plan_goes_into_a_folder_or_a_file(workplace, tmp_path):
    assert run("train", "my-data", "--plan-only", "-q", "-o", "runs/a") == 0
    assert run("train", "my-data", "--plan-only", "-q", "-o", "b.toml") == 0

    assert (tmp_path / "runs/a/plan.toml").is_file()
    assert (tmp_path / "b.toml").is_file()


def test_a_plan_as_json_has_the_recipe(workplace, capsys):
    assert run("train", "my-data", "--plan-only", "--json") == 0

    result = json.loads(capsys.readouterr().out)["result"]
    assert result["recipe"]["data"]["layout"] == "camvid"


def test_weights_bring_their_encoder_to_the_plan(trained, workplace, tmp_path):
    folder, _ = trained
    start = folder / "last.safetensors"

    assert run("train", "my-data", "--start", start, "--plan-only", "-q") == 0

    plan = tomllib.loads((tmp_path / "plan.toml").read_text())
    assert plan["model"]["encoder"] == "mobilenetv2_035"
    assert plan["inputs"]["start"] == str(start)


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("my-data", "--crop-szie", "9x9"), 2, "Did you mean --crop-size?"),
        (("my-data", "--los.focal", "1"), 2, "Did you mean --loss.focal?"),
        (("my-data", "--epochs", "1", "--steps", "1"), 2, "epochs or steps, and not both"),
        (("my-data", "--optimizer", "adamw", "--momentum", "0.5"), 2, "momentum is for optimizer"),
        (("my-data", "--layout", "voc"), 3, "is not of the layout 'voc'"),
        (("my-data", "--start", "nothing"), 4, "no such model file"),
        (("folder",), 2, "give --data FOLDER"),
        (("folder", "--data", "my-data", "--plan-only"), 2, "folder is a recipe"),
        (("my-dta",), 2, "no recipe 'my-dta'"),
        (("a" * 5000,), 2, "no recipe 'aaa"),
        (("my-data", "--plan-only", "-o", "a" * 300 + ".toml"), 6, "file name is too long"),
    ],
)
def test_mistakes_have_their_sentence(arguments, code, reason, workplace, capsys):
    assert run("train", *arguments) == code
    assert reason in " ".join(capsys.readouterr().err.replace("│", "").split())


def test_several_processes_are_asked_to_make_the_plan_first(workplace, monkeypatch, capsys):
    monkeypatch.setenv("WORLD_SIZE", "2")

    assert run("train", "my-data") == 2
    assert "atrous train my-data --plan-only" in capsys.readouterr().err


def write_pairs(root, size, *, deep=False):
    for split in ("train", "val"):
        for part in ("images", "masks"):
            (root / split / part).mkdir(parents=True)
        labels = np.zeros(size, np.uint8)
        labels[: size[0] // 2] = 1
        image = labels.astype(np.uint16) * 900 if deep else np.dstack([labels * 99] * 3)
        Image.fromarray(image).save(root / split / "images" / "a.png")
        Image.fromarray(labels).save(root / split / "masks" / "a.png")
    return root


@pytest.mark.parametrize(
    ("size", "deep"), [((40, 1), False), ((9, 12), False), ((70, 50), True)], ids=str
)
def test_one_odd_picture_is_enough_to_train_on(size, deep, tmp_path):
    data = write_pairs(tmp_path / "data", size, deep=deep)

    options = ("--steps", "1", "--out", tmp_path / "run", "-q")
    assert run("train", data, *TINY, *options) == 0


def test_measuring_what_is_trained_on_is_said(workplace, tmp_path, capsys):
    shutil.rmtree(workplace / "val")
    shutil.rmtree(workplace / "valannot")

    assert run("train", "my-data", *TINY, "--steps", "1", "--eval-split", "train") == 0
    assert "says nothing about new pictures" in capsys.readouterr().err


def test_the_help_names_every_setting_without_torch():
    code = (
        "import sys\nfrom atrous.cli.main import main\n"
        "try: main(['train', '--help'])\nexcept SystemExit: print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "False"
    assert "--copy-paste.classes" in done.stdout
