import json

import pytest
import torch
from PIL import Image

import atrous
from atrous.cli.main import main
from weights.foreign import (
    keras_classifier_arrays,
    mobilenetv2_layers,
    write_ir,
    write_keras_h5,
)
from weights.foreign_graphs import write_tflite


def run(*arguments):
    with pytest.raises(SystemExit) as exit_info:
        main([str(argument) for argument in arguments])
    return exit_info.value.code


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    # So small that the logits are about the classifier's biases, 0 to 20.
    layers = {name: values * 0.002 for name, values in mobilenetv2_layers().items()}
    return write_ir(tmp_path_factory.mktemp("ir") / "mnv2.xml", layers)


@pytest.mark.parametrize("ending", ["safetensors", "onnx"])
def test_a_converted_model_predicts_at_once(ending, published, tmp_path, capsys):
    picture, out = tmp_path / "p.png", tmp_path / f"voc.{ending}"
    Image.new("RGB", (40, 30), (200, 30, 30)).save(picture)

    code = run("model", "convert", published, "-o", out, "--check", picture, "--json")

    report = json.loads(capsys.readouterr().out)["result"]
    assert code == 0
    assert (report["encoder"], report["tensors"], report["classes"]) == ("mobilenetv2", 110, 21)
    assert sum(report["shares"].values()) == pytest.approx(1)
    assert atrous.load(out).card.classes[0] == "background"


@pytest.mark.parametrize(("flags", "stride"), [((), 8), (("--output-stride", 16), 16)])
def test_the_output_stride_is_that_of_the_graph_unless_it_is_asked_for(flags, stride, tmp_path):
    source, out = tmp_path / "x.tflite", tmp_path / "x.safetensors"
    write_tflite(source, mobilenetv2_layers(), side=257, stride=8)

    assert run("model", "convert", source, "-o", out, *flags) == 0

    assert atrous.load(out).card.architecture["output_stride"] == stride


def test_the_report_says_what_was_found(published, tmp_path, capsys):
    assert run("model", "convert", published, "-o", tmp_path / "voc.safetensors") == 0

    printed = capsys.readouterr().out
    assert "OpenVINO IR, 110 tensors taken" in printed
    assert "deeplabv3, mobilenetv2, output stride 16" in printed


def test_a_model_says_what_it_is(known_network, capsys):
    assert run("model", "info", known_network) == 0
    assert "red, green, blue" in capsys.readouterr().out

    assert run("model", "info", "camvid", "--json") == 0
    card = json.loads(capsys.readouterr().out)["result"]
    assert card["classes"][3] == "Road"
    assert card["result"]["split"] == "val"


def test_a_picture_to_check_with_that_is_not_there_stops_before_anything_is_written(
    published, tmp_path, capsys
):
    out = tmp_path / "voc.safetensors"

    assert run("model", "convert", published, "-o", out, "--check", tmp_path / "no.jpg") == 3
    assert "no.jpg: no such file" in capsys.readouterr().err
    assert not out.exists()


def test_a_model_that_is_there_is_kept(published, tmp_path, capsys):
    (tmp_path / "voc.safetensors").write_bytes(b"precious")

    assert run("model", "convert", published, "-o", tmp_path / "voc.safetensors") == 6
    assert (tmp_path / "voc.safetensors").read_bytes() == b"precious"
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("nowhere", "-o", "m.onnx"), 4, "no such file, folder or checkpoint prefix"),
        (("nowhere", "-o", "m.pt"), 2, "models are written as .safetensors or .onnx"),
        (("nowhere", "-o", "m.onnx", "--output-stride", "7"), 2, "output-stride"),
        (
            ("mobilenetv2_coco_voc_trainaug", "-o", "m.onnx", "--atrous-rates", "1", "2", "3"),
            2,
            "has its own atrous rates",
        ),
    ],
)
def test_mistakes_have_their_sentence(arguments, code, reason, capsys):
    assert run("model", "convert", *arguments) == code
    assert reason in capsys.readouterr().err


def test_an_official_checkpoint_that_was_not_downloaded_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ATROUS_HOME", str(tmp_path))
    name = "xception65_coco_voc_trainaug"

    assert run("model", "convert", name, "-o", tmp_path / "voc.onnx") == 4
    assert f"run: atrous model download {name}" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["keras", "torch"])
def test_a_classifier_is_converted_and_says_what_it_sees(kind, color_picture, tmp_path, capsys):
    source, out = tmp_path / ("x.h5" if kind == "keras" else "x.pth"), tmp_path / "x.safetensors"
    if kind == "keras":
        write_keras_h5(source, keras_classifier_arrays(), layout="legacy")
    else:
        torch.save(torchvision_resnet18(num_classes=5), source)

    code = run("model", "convert", source, "-o", out, "--check", color_picture, "--json")

    report = json.loads(capsys.readouterr().out)["result"]
    assert (code, report["classes"]) == (0, 5)
    again = atrous.load_classifier(out).predict(color_picture)
    assert report["top"] == pytest.approx(dict(again.top()))


def test_a_classifier_is_not_written_as_onnx(tmp_path, capsys):
    source = write_keras_h5(tmp_path / "x.h5", keras_classifier_arrays(), layout="legacy")

    assert run("model", "convert", source, "-o", tmp_path / "x.onnx") == 2
    assert "classifiers of whole pictures are written as .safetensors" in capsys.readouterr().err


def torchvision_resnet18(num_classes):
    torch.manual_seed(0)
    models = pytest.importorskip("torchvision.models", reason="needs torchvision to make one")
    return models.resnet18(num_classes=num_classes).state_dict()
