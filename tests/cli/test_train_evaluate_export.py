import json
import shutil

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from atrous.cli.main import main
from atrous.reports.report import read_report
from atrous.weights.formats.safetensors_card import read_safetensors_card
from conftest import write_camvid_like

RECIPE = """
[model]
encoder = "mobilenetv2_035"
decoder_channels = 16
reduced_channels = 8

[data]
layout = "{layout}"
crop_size = [40, 48]
workers = 0

[train]
epochs = 1
batch_size = 2
learning_rate = 0.01
norm_momentum = 0.1
"""


def run(*arguments):
    with pytest.raises(SystemExit) as exit_info:
        main([str(argument) for argument in arguments])
    return exit_info.value.code


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of one epoch on made-up data, and the data."""
    root = tmp_path_factory.mktemp("trained")
    data = write_camvid_like(root / "data")
    recipe = root / "tiny.toml"
    recipe.write_text(RECIPE.format(layout="camvid"))
    assert run("train", recipe, "--data", data, "--out", root / "run", "-q") == 0
    return root / "run", data


def test_the_classes_are_counted_in_the_data(trained):
    folder, _ = trained

    assert json.loads((folder / "recipe.json").read_text())["model"]["num_classes"] == 11


def test_a_run_is_evaluated_by_its_folder(trained, capsys):
    folder, data = trained

    assert run("evaluate", folder, data, "--json") == 0

    result = json.loads(capsys.readouterr().out)["result"]
    assert result["images"] == 4
    assert 0 <= result["mean_iou"] <= 1
    assert result["engine"] == "torch"


def test_a_run_ends_with_the_report_that_evaluate_would_write(trained, tmp_path, capsys):
    folder, data = trained

    assert run("evaluate", folder, data, "-q", "--report", tmp_path / "report") == 0
    ours, again = (read_report(place) for place in (folder, tmp_path / "report"))
    assert ours.scores == again.scores
    assert ours.confusion == again.confusion
    assert ours.data == again.data
    assert "Worst pictures" in (folder / "report.html").read_text()


def test_the_end_of_a_run_says_where_the_best_model_is_and_how_to_go_on(
    camvid_like, tmp_path, capsys
):
    recipe, folder = tmp_path / "tiny.toml", tmp_path / "run"
    recipe.write_text(RECIPE.format(layout="camvid"))

    assert run("train", recipe, "--data", camvid_like, "--out", folder, "--log", "none") == 0
    said = capsys.readouterr()
    score = read_safetensors_card(folder / "best.safetensors").result["mean_iou"]
    assert f"best mIoU {score:.2%} on val, after epoch 1: {folder}/best.safetensors" in said.out
    for command in ("predict", "evaluate", "export"):
        assert f"atrous {command} " in said.err
    assert not (folder / "tensorboard").exists()


def test_a_quiet_run_says_its_results_alone_and_keeps_the_events(trained, tmp_path, capsys):
    _, data = trained
    recipe, folder = tmp_path / "tiny.toml", tmp_path / "run"
    recipe.write_text(RECIPE.format(layout="camvid"))

    assert run("train", recipe, "--data", data, "--out", folder, "-q") == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert [line.split()[0] for line in said.out.splitlines()] == ["best", "last", "report"]
    events = EventAccumulator(str(folder / "tensorboard")).Reload()
    said_of_it = read_safetensors_card(folder / "last.safetensors").result
    assert events.Scalars("mean_iou")[0].value == pytest.approx(said_of_it["mean_iou"])
    assert events.Images("samples")[0].step == 2


def test_the_recipe_of_a_run_trains_again(trained, tmp_path):
    folder, data = trained

    again = tmp_path / "again"
    assert run("train", folder / "recipe.toml", "--data", data, "--out", again, "-q") == 0
    assert (again / "metrics.csv").read_bytes() == (folder / "metrics.csv").read_bytes()


def test_the_report_of_a_run_has_its_learning_curves(trained, tmp_path, capsys):
    folder, data = trained

    assert run("evaluate", folder, data, "-q", "--report", tmp_path / "report") == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert [row["epoch"] for row in report["learning"]] == [1]
    assert "Learning" in (tmp_path / "report" / "report.html").read_text()


def test_a_damaged_list_of_epochs_costs_the_curves_alone(trained, tmp_path, capsys):
    folder, data = trained
    copied = shutil.copytree(folder, tmp_path / "run")
    (copied / "metrics.csv").write_text("epoch\nx\n")

    assert run("evaluate", copied, data, "--report", tmp_path / "report") == 0
    assert "the report has no learning curves" in capsys.readouterr().err


def test_a_mean_iou_below_the_bar_is_exit_1(trained, capsys):
    folder, data = trained

    assert run("evaluate", folder, data, "--min-miou", "1.0") == 1
    assert "below 1.0" in capsys.readouterr().err


def test_an_exported_run_gives_the_same_scores_without_torch(trained, tmp_path, capsys):
    folder, data = trained
    assert run("export", folder, tmp_path / "m.onnx") == 0
    capsys.readouterr()

    scores = []
    for model in (folder, tmp_path / "m.onnx"):
        run("evaluate", model, data, "--json")
        scores.append(json.loads(capsys.readouterr().out)["result"])

    assert scores[1]["engine"] == "onnxruntime"
    assert scores[1]["pixel_accuracy"] == pytest.approx(scores[0]["pixel_accuracy"], abs=1e-3)


def test_a_run_folder_that_is_there_is_not_trained_over(trained, tmp_path, capsys):
    folder, data = trained
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(RECIPE.format(layout="camvid"))

    assert run("train", recipe, "--data", data, "--out", folder) == 6
    assert "is there already" in capsys.readouterr().err


def test_runs_are_numbered_when_no_folder_is_named(camvid_like, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(RECIPE.format(layout="auto"))
    for _ in range(2):
        assert run("train", "tiny.toml", "--data", camvid_like, "-q") == 0

    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["tiny", "tiny-2"]


def test_a_model_of_other_classes_is_not_evaluated(trained, known_network, capsys):
    _, data = trained

    assert run("evaluate", known_network, data) == 2
    assert "classes are not the dataset's" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("train", "nothing", "--data", "."), 2, "no recipe 'nothing'"),
        (("train", "folder", "--data", ".", "--epochs", "0"), 2, "--epochs 0: Input should be"),
        (("train", "folder", "--data", ".", "--log", "x"), 2, "--log x: no such tracker"),
        (("evaluate", "camvid", ".", "--min-miou", "75"), 2, "Must be <= 1"),
        (("evaluate", "camvid", "nowhere"), 3, "nowhere: no such folder"),
        (("export", "camvid", "out.pt"), 2, "its ending is that of no format; known: onnx"),
    ],
)
def test_mistakes_have_their_sentence(arguments, code, reason, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert run(*arguments) == code
    assert reason in capsys.readouterr().err
