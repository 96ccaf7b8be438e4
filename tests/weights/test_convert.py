import numpy as np
import pytest
import torch

from atrous.errors import ConfigError, WeightsError
from atrous.models.build import build_model
from atrous.models.config import ModelConfig
from atrous.runtime.card import ModelCard
from atrous.weights.convert import convert
from atrous.weights.model_file import save_model
from parity.official import official_values
from weights.foreign import mobilenetv2_layers, write_ir, write_tf_checkpoint
from weights.foreign_graphs import write_frozen_graph, write_tflite, write_v1_checkpoint


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("tf") / "model.ckpt-30000"
    training = {"global_step": np.array(30_000, np.int64)}
    return write_tf_checkpoint(prefix, official_values("mobilenet_v2") | training)


def test_a_checkpoint_becomes_a_self_describing_model(checkpoint):
    found = convert(checkpoint, output_stride=8)

    assert (found.source, found.tensors, found.skipped) == ("TensorFlow checkpoint", 272, 1)
    assert found.card.classes[15] == "person"
    assert found.card.architecture["output_stride"] == 8
    assert found.card.align_corners
    assert found.card.preprocessing.mean == (127.5, 127.5, 127.5)
    assert not found.model.training


def test_an_openvino_ir_is_the_same_network(tmp_path):
    path = write_ir(tmp_path / "mnv2.xml", mobilenetv2_layers())

    found = convert(path)

    assert found.source == "OpenVINO IR"
    assert found.card.architecture["encoder"] == "mobilenetv2"
    assert found.tensors == 110


@pytest.mark.parametrize(("asked", "built"), [(None, 8), (16, 16)])
def test_a_tflite_model_says_stride_corners_and_size_unless_told_otherwise(asked, built, tmp_path):
    path = write_tflite(
        tmp_path / "x.tflite",
        mobilenetv2_layers(),
        side=257,
        stride=8,
        align_corners=("first",),
    )

    found = convert(path, output_stride=asked)

    assert (found.source, found.tensors) == ("TFLite", 110)
    assert found.card.architecture["output_stride"] == built
    assert found.card.align_corners == found.model.align_corners == "first"
    assert found.card.preprocessing.longest_side == 257


@pytest.mark.parametrize("kind", ["frozen TensorFlow graph", "TensorFlow V1 checkpoint"])
def test_other_files_of_tensorflow_are_the_network_of_the_checkpoint(kind, checkpoint, tmp_path):
    write = {"frozen TensorFlow graph": write_frozen_graph}.get(kind, write_v1_checkpoint)
    path = write(tmp_path / "x.pb", official_values("mobilenet_v2"))

    found = convert(path)

    assert (found.source, found.tensors) == (kind, 272)
    expected = convert(checkpoint).model.state_dict()
    for name, value in found.model.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=0)


def test_weights_that_are_not_finite_are_refused(tmp_path):
    layers = mobilenetv2_layers()
    layers["aspp0"][3, 2] = np.nan

    with pytest.raises(WeightsError, match=r"x\.tflite: aspp0/weights .* not finite"):
        convert(write_tflite(tmp_path / "x.tflite", layers))


def test_a_real_ir_has_a_place_for_every_value(shared_weights):
    found = convert(shared_weights / "deeplabv3_mnv2_pascal_train_aug_fp16.xml")

    assert sum(p.numel() for p in found.model.parameters()) == 2_113_557


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ("coco", "unknown labels 'coco'; known: voc"),
        ("cityscapes", "21 classes, cityscapes has 19"),
    ],
)
def test_labels_must_fit(labels, reason, checkpoint):
    with pytest.raises(ConfigError, match=reason):
        convert(checkpoint, labels=labels)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("nothing", "no such file, folder or checkpoint prefix"),
        (".", r"expected one checkpoint in this folder, found no \.index file"),
        (
            "other.jpg",
            "kinds that are read: TensorFlow checkpoint, .*frozen.*, TFLite, OpenVINO IR, PyTorch",
        ),
    ],
)
def test_what_is_no_published_model_is_said(name, reason, tmp_path):
    (tmp_path / "other.jpg").write_bytes(b"x")

    with pytest.raises(WeightsError, match=reason):
        convert(tmp_path / name)


@pytest.fixture
def ours(tmp_path):
    """A model file of ours at output stride 16, with a result."""
    config = ModelConfig(encoder="mobilenetv2_035", num_classes=2, decoder_channels=8)
    model = build_model(config)
    card = ModelCard(
        name="mine",
        classes=("a", "b"),
        palette=((0, 0, 0), (255, 0, 0)),
        architecture=config.model_dump(mode="json"),
        result={"mean_iou": 0.5},
    )
    save_model(tmp_path / "mine.safetensors", model, card)
    return tmp_path / "mine.safetensors", model


def test_a_model_of_ours_is_had_at_another_output_stride(ours):
    path, model = ours

    found = convert(path, output_stride=8)

    assert found.card.architecture["output_stride"] == 8
    assert found.card.classes == ("a", "b")
    assert found.card.result == {}
    with torch.inference_mode():
        assert found.model.encoder(torch.zeros(1, 3, 64, 64))[-1].shape[-1] == 8
    for name, value in model.state_dict().items():
        assert torch.equal(found.model.state_dict()[name], value)


def test_a_model_of_ours_keeps_its_class_names(ours):
    with pytest.raises(ConfigError, match="with class names of its own"):
        convert(ours[0], output_stride=8, labels="voc")


def test_a_model_of_ours_without_anything_to_change_is_refused(ours):
    with pytest.raises(WeightsError, match="--output-stride makes it one at another stride"):
        convert(ours[0])
