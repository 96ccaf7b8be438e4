import re
import subprocess
import sys

import pytest

from atrous.encoders import ENCODERS
from atrous.errors import WeightsError
from atrous.models.summary import build_empty
from atrous.weights.from_tf_deeplab import translate
from atrous.weights.zoo.catalogue import (
    CHECKPOINTS,
    ENCODER_STARTS,
    SEGMENTATION,
    find_checkpoint,
)
from parity.official import official_values

BUILT = {name: entry for name, entry in SEGMENTATION.items() if entry.config}


@pytest.mark.parametrize("name", BUILT)
def test_every_network_can_be_built_with_the_classes_it_names(name):
    checkpoint = BUILT[name]

    model = build_empty(checkpoint.config)

    last = list(model.state_dict().values())[-1]
    assert last.shape[0] == checkpoint.config.num_classes
    assert checkpoint.labels is None or checkpoint.labels.num_classes == last.shape[0]


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_what_is_readable_has_an_encoder_of_ours(name):
    checkpoint = CHECKPOINTS[name]

    assert checkpoint.readable == (checkpoint.encoder in ENCODERS)
    assert checkpoint.config is None or checkpoint.config.encoder == checkpoint.encoder
    assert checkpoint.readable or "not built" in checkpoint.note


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("mobilenetv2_coco_voc_trainaug", "mobilenet_v2"),
        ("xception65_coco_voc_trainaug", "xception_65"),
        ("mobilenetv3_large_cityscapes_trainfine", "mobilenet_v3_large_seg"),
        ("mobilenetv3_small_cityscapes_trainfine", "mobilenet_v3_small_seg"),
    ],
)
def test_a_network_is_the_one_that_conversion_finds_in_its_variables(name, variant):
    config = CHECKPOINTS[name].config

    values = official_values(variant, empty=True)

    found = translate(values, output_stride=config.output_stride, where=variant)
    assert found.config == config


def test_an_address_is_the_published_one():
    assert (
        CHECKPOINTS["xception65_coco_voc_trainaug"].address
        == "http://download.tensorflow.org/models/deeplabv3_pascal_train_aug_2018_01_04.tar.gz"
    )


def test_archives_differ():
    archives = [checkpoint.archive for checkpoint in CHECKPOINTS.values()]

    assert len(set(archives)) == len(archives) == len(SEGMENTATION) + len(ENCODER_STARTS)


def test_shares_are_shares():
    for checkpoint in SEGMENTATION.values():
        for evaluation in checkpoint.evaluations:
            assert 0.3 < evaluation.mean_iou < 0.9
            assert evaluation.pixel_accuracy is None or 0.7 < evaluation.pixel_accuracy < 0.9
            assert evaluation.split.split()[0] in checkpoint.trained_on[-1]


def test_every_number_of_the_model_zoos_page_is_there(oracle):
    page = (oracle.parent / "deeplab-facts.md").read_text()
    table = page.partition("## 10. Model zoo")[2].partition("\n\nBackbones")[0]
    rows = [line.split("|")[1:-1] for line in table.splitlines() if "_20" in line]
    known = {checkpoint.archive: checkpoint for checkpoint in SEGMENTATION.values()}
    assert len(rows) == len(known)

    for name, _, _, adds, seconds, quality, megabytes in rows:
        ending = re.search(r"\(([\w.-]+)\)", name)[1].removeprefix("...")
        (checkpoint,) = (entry for archive, entry in known.items() if archive.endswith(ending))
        evaluations = checkpoint.evaluations
        assert _numbers(adds) == [e.multiply_adds for e in evaluations if e.multiply_adds]
        assert _numbers(seconds) == [e.seconds for e in evaluations if e.seconds]
        shares = [e.mean_iou for e in evaluations] + [
            e.pixel_accuracy for e in evaluations if e.pixel_accuracy
        ]
        assert [number / 100 for number in _numbers(quality)] == pytest.approx(shares)
        assert _numbers(megabytes) == ([checkpoint.megabytes] if checkpoint.megabytes else [])


def _numbers(text):
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", text)]


def test_a_misspelt_name_is_told_with_the_right_one():
    with pytest.raises(WeightsError, match="did you mean 'xception65_coco_voc_trainaug'"):
        find_checkpoint("xception65_coco_voc_trainug")


def test_the_catalogue_imports_no_torch():
    code = "import sys, atrous.weights.zoo.catalogue; assert 'torch' not in sys.modules"

    subprocess.run([sys.executable, "-c", code], check=True)
