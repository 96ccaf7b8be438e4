import json
import subprocess
import sys

import pytest

from atrous.cli.main import main
from atrous.models.build import build_model
from atrous.models.classifier import build_classifier
from atrous.models.config import ClassifierConfig, ModelConfig
from atrous.weights.load import load
from atrous.weights.load_classifier import classifier_card
from atrous.weights.model_file import save_model


def run(*arguments):
    with pytest.raises(SystemExit) as exit_info:
        main([str(argument) for argument in arguments])
    return exit_info.value.code


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")


def info(capsys, *arguments):
    assert run("model", "info", *arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)["result"]


def test_a_checkpoint_is_shown_with_what_was_published_and_what_it_is_made_of(capsys):
    assert run("model", "info", "xception65_coco_voc_trainaug") == 0

    out = capsys.readouterr().out
    assert "mIoU 82.20% on VOC val, 54.17 B multiply-adds, 0.7 s" in out
    assert "encoder.units.3-18" in out
    assert "41,055,413" in out
    assert "Memory, computed and not measured" in out


def test_a_checkpoint_as_json_has_its_parts(capsys):
    found = info(capsys, "mobilenetv3_small_cityscapes_trainfine")

    assert found["summary"]["size"] == [1025, 2049]
    assert found["summary"]["parameters"] == 468_830
    # Squeeze-and-excitation reads means of whole maps: there is no window.
    assert found["summary"]["fields"]["encoder"] == ["all", "all"]


def test_a_network_that_is_not_built_here_has_its_facts_alone(capsys):
    assert run("model", "info", "edgetpu_deeplab") == 0
    assert "a searched network for one kind of chip" in capsys.readouterr().out
    assert "summary" not in info(capsys, "edgetpu_deeplab")


def test_a_recipe_is_shown_with_its_network_and_crop(capsys):
    found = info(capsys, "deeplabv3plus_xception_camvid")

    assert found["what"].startswith("DeepLab V3+ with the original Xception")
    assert found["summary"]["size"] == [288, 384]


def test_a_recipe_that_counts_its_classes_says_so(capsys):
    assert run("model", "info", "folder") == 0
    assert "its classes are counted in the data; it is shown with 2" in capsys.readouterr().err


def test_a_shipped_model_is_shown_at_its_own_size_or_at_another(capsys):
    own = info(capsys, "camvid")["summary"]
    other = info(capsys, "camvid", "--size", "65x129")["summary"]

    assert own["size"] == [720, 720]
    assert other["size"] == [65, 129]
    assert own["parameters"] == other["parameters"]


def test_a_model_whose_network_is_unknown_shows_its_card(known_network, capsys):
    assert run("model", "info", known_network) == 0

    captured = capsys.readouterr()
    assert "red, green, blue" in captured.out
    assert "its layers cannot be shown" in captured.err


def test_a_size_that_no_memory_holds_is_cut_to_the_largest_that_is_counted(tmp_path, capsys):
    recipe = tmp_path / "huge.toml"
    recipe.write_text(
        '[model]\nencoder = "mobilenetv2"\n[data]\ncrop_size = [1000000000, 33]\n'
        "[train]\nepochs = 1\n"
    )

    assert info(capsys, recipe)["summary"]["size"] == [8193, 33]


@pytest.mark.parametrize("ending", ["onnx", "safetensors"])
def test_without_torch_the_card_is_shown_and_what_torch_would_add(ending, tmp_path):
    model = "camvid"
    if ending == "safetensors":
        config = ModelConfig(encoder="mobilenetv2_035", num_classes=11)
        model = tmp_path / "m.safetensors"
        save_model(model, build_model(config), load("camvid").card)
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from atrous.cli.main import main\n"
        f"main(['model', 'info', {str(model)!r}])"
    )

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert "Bicyclist" in done.stdout
    assert "with torch this also shows the layers" in done.stderr


@pytest.mark.parametrize("text", ["513", "513x", "axb", "32x513", "513x8194", "5e2x513"])
def test_sizes_are_height_x_width_within_what_is_counted(text, capsys):
    assert run("model", "info", "camvid", "--size", text) == 2
    assert text in capsys.readouterr().err


def test_a_classifier_shows_its_card(tmp_path, capsys):
    config = ClassifierConfig(encoder="mobilenetv2_035", num_classes=3)
    card = classifier_card("mine", 3, config.model_dump(mode="json"))
    save_model(tmp_path / "c.safetensors", build_classifier(config), card)

    assert run("model", "info", tmp_path / "c.safetensors") == 0
    captured = capsys.readouterr()
    assert "class 0, class 1, class 2" in captured.out
    assert "classifier of whole pictures, mobilenetv2_035" in captured.out
    assert "their middle, scaled to a square of 299" in captured.out
    assert "the layers of classifiers are not shown" in captured.err


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("xception65_voc",), 4, "no such file, and no shipped model, recipe or official"),
        (("camvid", "--size", "big"), 2, "HEIGHTxWIDTH"),
        (("recipe.toml",), 2, "not TOML"),
    ],
)
def test_mistakes_have_their_sentence(arguments, code, reason, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recipe.toml").write_text("= 3")

    assert run("model", "info", *arguments) == code
    assert reason in capsys.readouterr().err


def test_the_recipe_of_a_classifier_is_shown_with_what_it_reaches(capsys):
    assert run("model", "info", "imagenet_xception") == 0

    shown = " ".join(capsys.readouterr().out.split())
    assert "Xception on ImageNet" in shown
    assert "79.0 %" in shown
