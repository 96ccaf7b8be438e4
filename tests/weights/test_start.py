import re

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from atrous.encoders.xception_original import Xception
from atrous.errors import WeightsError
from atrous.models.build import build_model
from atrous.models.config import ModelConfig
from atrous.weights.formats.openvino_ir import read_openvino_ir
from atrous.weights.start import encoder_of, load_start
from atrous.weights.unfold import unfold_norms
from parity.official import official_values
from weights.foreign import keras_arrays, mobilenetv2_layers, write_ir
from weights.foreign_graphs import write_frozen_graph, write_tflite, write_v1_checkpoint

PASCAL = "deeplabv3_mnv2_pascal_train_aug_fp16.xml"
KERAS = "xception_imagenet_notop_fp16_z.npz"
BACKGROUND, BIRD = 0, 3


def build(**settings):
    torch.manual_seed(0)
    return build_model(ModelConfig(**{"encoder": "mobilenetv2", "num_classes": 3} | settings))


def photo(path, size):
    pixels = np.asarray(Image.open(path).convert("RGB").resize(size[::-1]), np.float32)
    return torch.from_numpy(pixels / 127.5 - 1).permute(2, 0, 1)[None]


def only_encoder():
    return nn.ModuleDict({"encoder": Xception(output_stride=32, padding="same")}).eval()


@pytest.fixture(scope="module")
def mobilenet(tmp_path_factory):
    return write_ir(tmp_path_factory.mktemp("ir") / "mobilenet.xml", mobilenetv2_layers())


@pytest.fixture(scope="module")
def keras(tmp_path_factory):
    path = tmp_path_factory.mktemp("keras") / "xception.npz"
    np.savez_compressed(path, **keras_arrays())
    return path


@pytest.mark.parametrize("ending", ["tflite", "pb", "ckpt"])
def test_the_encoder_of_a_graph_is_taken_whole(ending, tmp_path):
    model, path = build(), tmp_path / f"x.{ending}"
    if ending == "tflite":
        write_tflite(path, mobilenetv2_layers())
    else:
        write = {"pb": write_frozen_graph, "ckpt": write_v1_checkpoint}[ending]
        write(path, official_values("mobilenet_v2"))

    folded = load_start(model, path)

    name = "MobilenetV2/expanded_conv_16/project"
    dense = mobilenetv2_layers()[name].astype(np.float32)
    if ending != "tflite":
        dense = official_values("mobilenet_v2")[f"{name}/weights"].transpose(3, 2, 0, 1)
    np.testing.assert_array_equal(model.encoder.blocks[16].project.conv.weight.detach(), dense)
    assert bool(folded) is (ending == "tflite")


def test_the_published_network_finds_the_bird(shared_weights):
    model = build(
        num_classes=21,
        decoder="deeplabv3",
        output_stride=8,
        atrous_rates=(),
        align_corners=True,
        padding="same",
    ).eval()
    load_start(model, shared_weights / PASCAL)
    put_in_published_head(model, read_openvino_ir(shared_weights / PASCAL))
    picture = photo(shared_weights / "photos" / "bird_segmentation.png", (257, 257))

    with torch.inference_mode():
        predicted = model(picture).argmax(1)

    shares = torch.bincount(predicted.flatten(), minlength=21) / predicted.numel()
    assert shares[[BACKGROUND, BIRD]].sum() > 0.97
    assert 0.05 < shares[BIRD] < 0.6


def put_in_published_head(model, constants):
    """The parts that `load_start` leaves out: a new model has other branches and classes."""
    values = {name: torch.from_numpy(value) for name, value in constants.items()}
    project = model.decoder.context.project
    project.conv.weight.data = values["concat_projection/weights"]
    project.norm.bias.data = values["concat_projection/biases"]
    project.norm.running_var.fill_(1 - project.norm.eps)
    model.classifier.weight.data = values["logits/semantic/weights"]
    model.classifier.bias.data = values["logits/semantic/biases"]


def test_folded_weights_compute_what_their_convolutions_compute(mobilenet):
    model = build().eval()
    layers = mobilenetv2_layers()

    folded = load_start(model, mobilenet)

    root, images = model.encoder.root, torch.randn(1, 3, 9, 9)
    weight = torch.from_numpy(layers["MobilenetV2/Conv"].astype(np.float16).astype(np.float32))
    plain = nn.functional.conv2d(images, weight, torch.arange(32.0), stride=2, padding=1)
    torch.testing.assert_close(root(images), nn.functional.relu6(plain), atol=1e-4, rtol=1e-4)
    assert len(folded) == 51 + 2  # MobileNetV2's convolutions, image pooling and aspp0
    assert {"encoder.root.norm", "decoder.context.image_pool.norm"} < set(folded)


def test_unfolding_leaves_the_logits_of_a_started_network(shared_weights):
    model = build(output_stride=32, decoder_channels=256).eval()
    folded = load_start(model, shared_weights / PASCAL)
    picture = photo(shared_weights / "photos" / "bird_segmentation.png", (97, 97))

    with torch.inference_mode():
        before = model.logits_at_stride(picture)
    unfold_norms(model, folded, [picture])
    with torch.inference_mode():
        after = model.logits_at_stride(picture)

    assert (after - before).abs().max() < 1e-3 * before.std()


def test_statistics_that_keras_stored_are_those_we_see_on_photos(shared_weights):
    model = only_encoder()
    assert load_start(model, shared_weights / KERAS) == []
    pictures = [photo(path, (224, 224)) for path in (shared_weights / "photos").glob("[bp]*")]
    seen: dict[str, torch.Tensor] = {}
    norms = {name: m for name, m in model.named_modules() if isinstance(m, nn.BatchNorm2d)}
    for name, norm in norms.items():
        norm.register_forward_pre_hook(
            lambda _module, inputs, name=name: seen.update({name: inputs[0].mean((0, 2, 3))})
        )

    with torch.inference_mode():
        model["encoder"](torch.cat(pictures))

    alike = [
        torch.corrcoef(torch.stack([seen[name], norm.running_mean]))[0, 1]
        for name, norm in norms.items()
    ]
    # Two photos are no ImageNet: 0.91. Two layers swapped, or a ReLU misplaced, give 0.7 to 0.8.
    assert torch.stack(alike).median() > 0.87


@pytest.mark.parametrize("first_automatic", [0, 8])
def test_keras_arrays_find_their_places_whatever_the_shortcuts_are_called(
    first_automatic, tmp_path
):
    arrays = keras_arrays(first_automatic=first_automatic)  # 8 to 11: 10 sorts before 9 as text
    path = tmp_path / "xception.npz"
    np.savez_compressed(path, **arrays)
    model = only_encoder()

    load_start(model, path)

    state = {key: value.flatten()[0].item() for key, value in model["encoder"].state_dict().items()}
    number = {name: float(index) for index, name in enumerate(arrays)}
    names = [f"conv2d_{first_automatic + order}".replace("d_0", "d") for order in range(4)]
    assert [state[f"stages.{stage}.shortcut.conv.weight"] for stage in (0, 1, 2, 11)] == [
        number[f"{name}/0"] for name in names
    ]
    assert state["stages.4.convs.2.depthwise.conv.weight"] == number["block6_sepconv3/0"]
    assert state["stages.4.convs.2.pointwise.conv.weight"] == number["block6_sepconv3/1"]
    assert state["exit.2.pointwise.norm.running_var"] == number["block14_sepconv2_bn/3"]
    assert state["root.1.norm.bias"] == number["block1_conv2_bn/1"]


def test_an_array_that_is_missing_is_named(tmp_path):
    arrays = keras_arrays()
    del arrays["block5_sepconv1_bn/0"]
    path = tmp_path / "xception.npz"
    np.savez_compressed(path, **arrays)

    sentence = r"1 tensors of the encoder 'xception' got no value; .*stages\.3\.convs\.0.*weight"
    with pytest.raises(WeightsError, match=rf"{re.escape(str(path))}: {sentence}"):
        load_start(only_encoder(), path)


@pytest.mark.parametrize(
    ("settings", "need"),
    [
        ({"encoder": "mobilenetv2_050"}, "for the encoder 'mobilenetv2'"),
        ({"encoder": "xception41"}, "for the encoder 'mobilenetv2'"),
    ],
    ids=str,
)
def test_weights_of_another_network_are_refused_with_what_they_are_for(settings, need, mobilenet):
    with torch.device("meta"):
        model = build(**settings)

    with pytest.raises(WeightsError, match=rf"mobilenet\.xml: .*these weights are {need}"):
        load_start(model, mobilenet)


def test_a_head_of_another_width_is_left_as_it_was_drawn(mobilenet):
    model = build(decoder_channels=128)
    drawn = {name: value.clone() for name, value in model.state_dict().items()}

    folded = load_start(model, mobilenet)

    assert len(folded) == 51
    changed = {name for name, v in model.state_dict().items() if not torch.equal(v, drawn[name])}
    assert "encoder.root.conv.weight" in changed
    assert all(name.startswith("encoder.") for name in changed)


def test_keras_weights_are_refused_by_another_encoder(keras):
    with torch.device("meta"):
        model = build(encoder="xception65")

    with pytest.raises(WeightsError, match=r"xception\.npz: .* are for the encoder 'xception'"):
        load_start(model, keras)


def test_a_refused_file_changes_nothing(mobilenet):
    model = build(encoder="mobilenetv2_050")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}

    with pytest.raises(WeightsError):
        load_start(model, mobilenet)

    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_values_of_an_unknown_graph_are_refused_with_the_file(tmp_path):
    path = write_ir(tmp_path / "other.xml", {"resnet/conv": np.zeros((4, 3, 3, 3))})

    with pytest.raises(WeightsError, match=r"other\.xml: none of the released DeepLab networks"):
        load_start(build(), path)


@pytest.mark.parametrize("name", ["weights.pkl", "weights"])
def test_other_kinds_of_files_are_never_opened(name, tmp_path):
    known = r"known: \.onnx, \.safetensors, TensorFlow checkpoints .*\(\.xml\), .*\.npz\)"

    with pytest.raises(WeightsError, match=rf"unknown kind of weights .* {known}"):
        load_start(nn.Module(), tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"garbage", b"PK\x03\x04garbage", b"\x93NUMPY\x01\x00"])
def test_a_damaged_archive_is_refused_with_its_name(content, tmp_path):
    path = tmp_path / "xception.npz"
    path.write_bytes(content)

    with pytest.raises(WeightsError, match=r"xception\.npz: cannot be read as \.npz arrays"):
        load_start(nn.Module(), path)


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("truncated", [True, False])
def test_a_damaged_array_is_refused(truncated, place, tmp_path):
    path = tmp_path / "xception.npz"
    np.savez_compressed(path, **{"block1_conv1/0": np.random.default_rng(0).random(9999)})
    content = bytearray(path.read_bytes())
    at = int(len(content) * place)
    content[at : None if truncated else at + 9] = b"" if truncated else bytes(9)
    path.write_bytes(content)

    with pytest.raises(WeightsError, match=r"xception\.npz: cannot be read as \.npz arrays"):
        load_start(nn.Module(), path)


def test_the_encoder_of_published_weights_is_told(mobilenet, keras):
    assert encoder_of(keras) == "xception"
    assert encoder_of(mobilenet) == "mobilenetv2"


def test_a_missing_archive_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"none\.npz: cannot be read .*No such file"):
        load_start(nn.Module(), tmp_path / "none.npz")


def test_arrays_are_never_unpickled(tmp_path):
    path = tmp_path / "xception.npz"
    np.savez(path, **{"block1_conv1/0": np.array([Bomb(tmp_path / "gone-off")], dtype=object)})

    with pytest.raises(WeightsError, match=r"xception\.npz: cannot be read as \.npz arrays"):
        load_start(nn.Module(), path)

    assert not (tmp_path / "gone-off").exists()


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (self.path.touch, ())
