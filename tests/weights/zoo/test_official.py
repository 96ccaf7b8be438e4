import tarfile

import numpy as np
import pytest

from atrous.errors import WeightsError
from atrous.models.build import build_model
from atrous.weights.load import find_start
from atrous.weights.start import load_start
from atrous.weights.zoo.catalogue import CHECKPOINTS
from atrous.weights.zoo.official import convert_official
from atrous.weights.zoo.store import archive_path
from parity.official import official_values
from weights.foreign import write_tf_checkpoint

NAME = "mobilenetv2_coco_voc_trainaug"


@pytest.fixture
def cached(tmp_path, monkeypatch):
    """Puts an archive with the variables of an official graph where a download would."""
    monkeypatch.setenv("ATROUS_HOME", str(tmp_path / "home"))

    def put(name, variant):
        write_tf_checkpoint(tmp_path / "model.ckpt-30000", official_values(variant))
        archive = archive_path(CHECKPOINTS[name])
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive, "w:gz", compresslevel=1) as file:
            for path in tmp_path.glob("model.ckpt*"):
                file.add(path, f"{CHECKPOINTS[name].archive}/{path.name}")

    return put


def test_a_downloaded_checkpoint_becomes_a_model_that_says_where_it_is_from(cached):
    cached(NAME, "mobilenet_v2")

    card = convert_official(NAME).card

    assert card.name == NAME
    assert card.license == "Apache-2.0"
    assert card.recipe["trained_on"] == ("ImageNet", "COCO", "VOC train_aug")
    assert card.classes[15] == "person"
    assert card.architecture == CHECKPOINTS[NAME].config.model_dump(mode="json")


@pytest.mark.parametrize(("asked", "built"), [(None, 32), (16, 16)])
def test_the_output_stride_is_the_listed_one_unless_another_is_asked_for(asked, built, cached):
    cached("mobilenetv3_small_cityscapes_trainfine", "mobilenet_v3_small_seg")

    card = convert_official("mobilenetv3_small_cityscapes_trainfine", output_stride=asked).card

    assert card.architecture["output_stride"] == built
    assert card.preprocessing.longest_side == 2048


def test_an_archive_with_another_network_is_refused(cached):
    cached(NAME, "mobilenet_v3_small_seg")

    with pytest.raises(WeightsError, match=f"{NAME}: its archive holds another network"):
        convert_official(NAME)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("edgetpu_deeplab", "cannot be converted: a searched network for one kind of chip"),
        ("xception65_imagenet", "cannot be converted: an encoder to start training from"),
        ("xception65_coco_voc_trainaug", "has not been downloaded; get http://"),
    ],
)
def test_what_cannot_be_converted_is_said(name, reason, cached):
    with pytest.raises(WeightsError, match=reason):
        convert_official(name)


def test_training_starts_from_a_downloaded_checkpoint_by_its_name(cached):
    cached(NAME, "mobilenet_v2")

    config = CHECKPOINTS[NAME].config
    model = build_model(config)

    load_start(model, find_start(NAME))

    kernel = official_values("mobilenet_v2")["MobilenetV2/Conv/weights"].transpose(3, 2, 0, 1)
    np.testing.assert_array_equal(model.encoder.root.conv.weight.detach(), kernel)
