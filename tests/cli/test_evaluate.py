"""``atrous evaluate`` and ``atrous compare`` as a user types them."""

import json
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from atrous.cli.main import main
from atrous.labels import VOC
from known_network import CARD, color_blocks, write_known_network


def run(*arguments):
    with pytest.raises(SystemExit) as exit_info:
        main([str(argument) for argument in arguments])
    return exit_info.value.code


def result_of(capsys, *arguments):
    capsys.readouterr()
    run(*arguments, "--json", "-q")
    return json.loads(capsys.readouterr().out)["result"]


@pytest.fixture
def reported(camvid_like, tmp_path, monkeypatch):
    """A report of the shipped model on made-up pictures."""
    monkeypatch.chdir(tmp_path)
    assert run("evaluate", "camvid", camvid_like, "--report", "first", "--boundary", "-q") == 0
    return tmp_path


def test_a_report_says_what_the_terminal_says(reported, camvid_like, capsys):
    result = result_of(capsys, "evaluate", "camvid", camvid_like, "--boundary")
    report = json.loads((reported / "first" / "report.json").read_text())

    assert report["scores"]["mean_iou"] == result["mean_iou"]
    assert report["data"]["fingerprint"] == result["fingerprint"]
    assert report["boundary"]["boundary_iou"] == result["boundary"]["boundary_iou"]
    assert len(report["pictures"]) == 4


def test_a_report_is_never_written_over_another(reported, camvid_like, capsys):
    before = (reported / "first" / "report.json").read_bytes()

    assert run("evaluate", "camvid", camvid_like, "--report", "first") == 6
    assert "is there already" in capsys.readouterr().err
    assert (reported / "first" / "report.json").read_bytes() == before


def test_two_reports_are_compared(reported, camvid_like, capsys):
    run("evaluate", "camvid", camvid_like, "--report", "second", "--flip", "-q")
    found = result_of(capsys, "compare", "first", "second/report.json")

    scores = [
        json.loads((reported / name / "report.json").read_text())["scores"]["mean_iou"]
        for name in ("first", "second")
    ]
    assert found["difference"] == scores[1] - scores[0]
    assert 0 < found["p_value"] <= 1
    assert run("compare", "first", "second") == 0
    assert "drawing these pictures again" in capsys.readouterr().out


def test_a_comparison_with_nothing_is_refused(reported, capsys):
    assert run("compare", "first", "nowhere") == 3
    assert "nowhere: cannot be read" in capsys.readouterr().err


def test_probabilities_are_measured_without_changing_the_labels(camvid_like, capsys):
    plain = result_of(capsys, "evaluate", "camvid", camvid_like)
    sure = result_of(capsys, "evaluate", "camvid", camvid_like, "--calibration")

    assert plain["calibration_error"] is None
    assert 0 <= sure["calibration_error"] <= 1
    assert sure["mean_iou"] == plain["mean_iou"]


def test_windows_are_named_in_the_convention(camvid_like, capsys):
    found = result_of(capsys, "evaluate", "camvid", camvid_like, "--slide", "320x416")

    assert "in windows of 320x416, logits averaged" in found["convention"]
    assert found["engine"].endswith("windows of 320x416")


def test_the_void_protocol_is_never_above_the_plain_one(camvid_like, capsys):
    plain = result_of(capsys, "evaluate", "camvid", camvid_like, "--protocol", "camvid")
    void = result_of(capsys, "evaluate", "camvid", camvid_like, "--protocol", "camvid-void")

    assert void["pixel_accuracy"] < plain["pixel_accuracy"]
    assert void["mean_iou"] <= plain["mean_iou"]
    assert "an unlabelled pixel (11) is wrong" in void["convention"]


def test_a_split_without_labels_cannot_be_scored(camvid_like, capsys):
    for path in (camvid_like / "valannot").iterdir():
        Image.fromarray(np.full((48, 64), 11, np.uint8)).save(path)

    assert run("evaluate", "camvid", camvid_like) == 3
    assert "not one labelled pixel" in capsys.readouterr().err


@pytest.fixture
def voc_like(tmp_path):
    """A model of VOC's classes that knows three of them, and pictures that it knows."""
    root = tmp_path / "voc"
    pixels, labels = color_blocks()
    for folder, content in (("images", pixels), ("masks", labels)):
        (root / "val" / folder).mkdir(parents=True)
        Image.fromarray(content).save(root / "val" / folder / "2008_000001.png")
    (root / "dataset.toml").write_text(f"names = {json.dumps(VOC.names)}\n")
    card = CARD.model_copy(update={"classes": VOC.names, "palette": VOC.palette})
    return write_known_network(tmp_path / "voc.onnx", card=card, num_classes=21), root


def test_a_protocol_brings_a_submission_and_published_numbers(voc_like, tmp_path, capsys):
    model, data = voc_like
    archive = tmp_path / "voc.zip"
    result = result_of(capsys, "evaluate", model, data, "--protocol", "voc", "--submit", archive)

    assert result["mean_iou"] == 1  # of the three classes that occur
    rows = {row["what"]: row["mean_iou"] for row in result["published"]}
    assert rows["xception65_coco_voc_trainaug, output stride 16"] == 0.8220
    with zipfile.ZipFile(archive) as files, files.open(files.namelist()[0]) as file:
        np.testing.assert_array_equal(np.asarray(Image.open(file)), color_blocks()[1])


def test_a_split_without_labels_is_submitted_and_not_scored(voc_like, tmp_path, capsys):
    model, data = voc_like
    Image.fromarray(np.full((60, 90), 255, np.uint8)).save(data / "val/masks/2008_000001.png")

    assert run("evaluate", model, data, "--protocol", "voc", "--submit", tmp_path / "s.zip") == 0
    assert "nothing was scored" in capsys.readouterr().err
    assert zipfile.is_zipfile(tmp_path / "s.zip")


def test_the_pictures_of_a_test_split_need_no_labels(voc_like, tmp_path, capsys):
    model, data = voc_like
    voc = tmp_path / "VOC2012"
    for folder in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (voc / folder).mkdir(parents=True)
    shutil.copy(data / "val" / "images" / "2008_000001.png", voc / "JPEGImages")
    (voc / "ImageSets" / "Segmentation" / "test.txt").write_text("2008_000001\n")
    options = ("--protocol", "voc", "--split", "test")

    submission = ("--submit", tmp_path / "s.zip", "--submit-as", "comp6")

    assert run("evaluate", model, voc, *options, *submission) == 0
    with zipfile.ZipFile(tmp_path / "s.zip") as files:
        (name,) = files.namelist()
    assert name.endswith("comp6_test_cls/2008_000001.png")
    assert run("evaluate", model, voc, *options) == 3
    assert "has no labels" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("--protocol", "coco"), 2, "no protocol 'coco'"),
        (("--protocol", "voc"), 2, "the protocol is for 21 classes"),
        (("--protocol", "camvid", "--flip"), 2, "fixes scales"),
        (("--protocol", "camvid", "--slide", "64x64"), 2, "fixes scales"),
        (("--submit", "a.zip"), 2, "--submit needs --protocol"),
        (("--protocol", "camvid", "--submit", "a.zip"), 2, "--submit needs --protocol"),
        (("--submit-as", "comp6"), 2, "give --submit FILE.zip too"),
    ],
)
def test_mistakes_have_their_sentence(arguments, code, reason, camvid_like, capsys):
    assert run("evaluate", "camvid", camvid_like, *arguments) == code
    assert reason in capsys.readouterr().err


def test_the_shipped_model_scores_what_its_card_and_the_docs_say(camvid_root, tmp_path, capsys):
    result = result_of(
        capsys,
        "evaluate",
        "camvid",
        camvid_root,
        "--protocol",
        "camvid",
        "--report",
        tmp_path / "r",
    )

    assert f"{result['mean_iou']:.2%}" == "78.01%"  # docs/results.md
    (card,) = result["published"]
    # Sums in another order may move a pixel or two of 17 million from one class to another.
    assert result["mean_iou"] == pytest.approx(card["mean_iou"], abs=1e-5)
    assert "78.01 % mIoU" in (tmp_path / "r" / "report.html").read_text()
