"""``atrous predict`` and ``atrous evaluate`` with a model that names whole pictures."""

import json

import pytest
import torch

import atrous
from atrous.cli.main import main
from atrous.models.classifier import build_classifier
from atrous.models.config import ClassifierConfig
from atrous.runtime.card import ModelCard, Preprocessing
from atrous.weights.model_file import save_model
from data.class_pictures import COLORS, write_class_folders


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_class_folders(tmp_path_factory.mktemp("classes") / "data", pictures=4)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Untrained, so that its answers are its own and no longer than three classes."""
    torch.manual_seed(0)
    config = ClassifierConfig(encoder="mobilenetv2_035", num_classes=3)
    card = ModelCard(
        task="classification",
        name="colors",
        classes=tuple(sorted(COLORS)),
        preprocessing=Preprocessing(center_crop=40),
        architecture=config.model_dump(mode="json"),
    )
    path = tmp_path_factory.mktemp("model") / "colors.safetensors"
    save_model(path, build_classifier(config), card)
    return path


@pytest.fixture
def run(capsys):
    def run(*arguments):
        with pytest.raises(SystemExit) as exit_info:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return exit_info.value.code, captured.out, captured.err

    return run


def test_predict_gives_the_classes_that_the_library_finds(run, model, data):
    picture = data / "val" / "red" / "val_0.jpg"
    code, out, _ = run("predict", picture, "-m", model, "--json")

    expected = atrous.load_classifier(model).predict(picture).top()
    (row,) = json.loads(out)["result"]["pictures"]
    found = [(one["name"], one["probability"]) for one in row["classes"]]
    assert code == 0
    assert [name for name, _ in found] == [name for name, _ in expected]
    assert sum(share for _, share in found) == pytest.approx(1, abs=1e-5)  # of float32


def test_several_pictures_get_a_line_each_and_no_file(run, model, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = run("predict", data / "val" / "red", "-m", model, "-q")

    lines = out.splitlines()
    assert code == 0
    assert [line.split()[0] for line in lines] == [
        str(data / "val" / "red" / f"val_{index}.jpg") for index in range(4)
    ]
    assert all(line.count("%") == 3 for line in lines)
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_cannot_be_read_is_named_and_the_others_go_on(run, model, data, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    sources = (tmp_path / "broken.jpg", data / "val" / "red" / "val_0.jpg")

    code, out, err = run("predict", *sources, "-m", model, "--json")

    result = json.loads(out)["result"]
    assert code == 7
    assert "broken.jpg" in err
    assert [len(result[key]) for key in ("pictures", "failures")] == [1, 1]


@pytest.mark.parametrize(
    "options", [("--as", "mask"), ("--slide", "65x65"), ("-o", "here"), ("--engine", "onnx")]
)
def test_options_for_masks_are_refused(options, run, model, data):
    code, _, err = run("predict", data / "val", "-m", model, *options)

    assert code == 2
    assert "names pictures as a whole" in err


def test_evaluate_counts_what_predict_says(run, model, data):
    code, out, _ = run("evaluate", model, data, "--json", "-q")

    classifier, result = atrous.load_classifier(model), json.loads(out)["result"]
    right = [
        classifier.predict(path).top(1)[0][0] == path.parent.name
        for path in sorted((data / "val").rglob("*.jpg"))
    ]
    low, high = result["interval"]["top1"]
    assert code == 0
    assert result["images"] == len(right) == 12
    assert result["top1"] == pytest.approx(sum(right) / 12)
    assert low <= result["top1"] <= high
    assert result["top5"] == 1.0
    assert "87.5% of its shorter side as 40x40" in result["convention"]


def test_folders_of_other_classes_are_refused(run, model, data, tmp_path):
    root = write_class_folders(tmp_path / "data", pictures=1)
    (root / "val" / "blue").rename(root / "val" / "violet")

    code, _, err = run("evaluate", model, root)

    assert code == 2
    assert "'violet' is a folder, and no class of the model, which has 3 (blue, green, red" in err


@pytest.mark.parametrize("options", [("--protocol", "voc"), ("--boundary",), ("--layout", "voc")])
def test_measurements_of_masks_are_refused(options, run, model, data):
    code, _, err = run("evaluate", model, data, *options)

    assert code == 2
    assert f"{options[0]} is for" in err
