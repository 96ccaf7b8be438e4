"""The model card of a run."""

import json
import re
from pathlib import Path

import pytest

from atrous.recipes.card_page import Origin, Start, card_page, find_terms, start_flag
from atrous.recipes.run_folder import CONVENTION
from atrous.runtime.card import ModelCard
from atrous.weights.load import find_model

RESULT = {
    "mean_iou": 0.5,
    "pixel_accuracy": 0.75,
    "iou": {"sky": 1.0, "a|b": None},
    "images": 9,
    "split": "val",
    "epoch": 7,
    "convention": CONVENTION,
}
CARD = ModelCard(
    name='my "model"',
    classes=("sky", "a|b"),
    architecture={"encoder": "mobilenetv2", "decoder": "deeplabv3plus", "output_stride": 16},
    result=RESULT,
)


def page(start: Start | None = None, fingerprint: str | None = "abc") -> str:
    return card_page(CARD, Origin("streets", 40, start), best=(5, 0.625), fingerprint=fingerprint)


def test_the_front_matter_tells_hubs_what_it_is():
    matter = page().split("---\n")[1]

    assert "pipeline_tag: image-segmentation\n" in matter
    assert "{type: mean_iou, value: 0.500000}" in matter
    name = re.search(r"- name: (.*)", matter)
    assert json.loads(name[1]) == CARD.name


def test_the_result_is_told_with_its_convention_and_both_models():
    text = page()

    assert "Mean IoU **50.00%**, pixel accuracy 75.00% on the 9 pictures of `val`, " in text
    assert CONVENTION in text
    assert "`best.safetensors` is that of epoch 5, with 62.50%" in text
    assert "`abc`" in text


def test_classes_are_told_one_by_one():
    assert "| sky | 100.00% |\n| a\\|b | absent |\n" in page()


def test_without_a_fingerprint_there_is_no_line_of_it():
    assert "SHA-256" not in page(fingerprint=None)


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (None, "started from random numbers"),
        (Start("x.pt", ""), "started from `x.pt`, whose file names no terms"),
        (Start("x.pt", "CC0"), "started from `x.pt`, whose terms are: CC0"),
    ],
)
def test_terms_of_the_start_are_passed_on(start, said):
    assert said in page(start)


def test_the_terms_of_the_shipped_model_are_found():
    assert "CC BY-NC" in find_terms(find_model("camvid")).license


@pytest.mark.parametrize("name", ["nothing.onnx", "nothing.safetensors", "x.ckpt"])
def test_a_file_that_says_nothing_has_no_terms(name, tmp_path: Path):
    assert find_terms(tmp_path / name) == Start(name, "")


def test_a_shipped_start_is_called_by_its_name():
    assert start_flag("deeplabv3plus_mobilenetv2_camvid.onnx") == " --start camvid"
    assert start_flag("mine.safetensors") == " --start mine.safetensors"
    assert start_flag(None) == ""
