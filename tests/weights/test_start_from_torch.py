import pytest
import torch
from safetensors.torch import save_file

from atrous.errors import WeightsError
from atrous.models.build import build_model
from atrous.models.config import ModelConfig
from atrous.weights.peers.backbones import mobilenetv2_layers, resnet_layers
from atrous.weights.start import load_start
from weights.foreign import peer_state


def build(encoder, **settings):
    torch.manual_seed(0)
    return build_model(ModelConfig(encoder=encoder, num_classes=3, decoder_channels=8, **settings))


def renamed(model, layers):
    """The encoder's tensors by the names of another package."""
    theirs = {ours: name for name, ours in layers.items()}
    return {
        f"{theirs[name.rpartition('.')[0]]}.{name.rpartition('.')[2]}": tensor
        for name, tensor in model.state_dict().items()
        if name.startswith("encoder.")
    }


def resnet18():
    """A classifier as torchvision has it, and ours with the same encoder."""
    model = build("resnet18_v1_5")
    state = renamed(model, resnet_layers("resnet18_v1_5", ""))
    return state | {"fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}, model


def with_other_values(model):
    return {name: tensor + 1 for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_the_encoder_of_a_classifier_is_taken_and_its_head_is_not(ending, tmp_path):
    state, source = resnet18()
    path = tmp_path / f"resnet18.{ending}"
    save_file(state, path) if ending == "safetensors" else torch.save(state, path)
    model = build("resnet18_v1_5")
    head = {name: t.clone() for name, t in model.state_dict().items() if "encoder" not in name}
    model.load_state_dict(with_other_values(model) | head)

    assert load_start(model, path) == []

    for name, tensor in model.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            torch.testing.assert_close(tensor, source.state_dict()[name], rtol=0, atol=0)


def test_strides_in_other_places_are_refused_though_every_shape_fits(tmp_path):
    torch.save(resnet18()[0], tmp_path / "resnet18.pth")

    with pytest.raises(WeightsError, match=r"'resnet18_v1_5' \(ResNet v1\.5\).*\(ResNet v1\)"):
        load_start(build("resnet18"), tmp_path / "resnet18.pth")


def test_the_last_convolution_of_a_classifier_is_left_out_where_there_is_none(tmp_path):
    source = build("mobilenetv2_torch_1280")
    state = renamed(source, mobilenetv2_layers("features.{}".format))
    torch.save(state, tmp_path / "m.pth")
    model = build("mobilenetv2_torch")

    load_start(model, tmp_path / "m.pth")

    torch.testing.assert_close(
        model.encoder.blocks[16].project.conv.weight, source.encoder.blocks[16].project.conv.weight
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"layer1.0.conv9.weight": torch.zeros(1)}, r"first: \['layer1\.0\.conv9\.weight'\]"),
        ({"layer4.1.bn2.weight": torch.zeros(3)}, r"norm\.weight has shape \(3,\)"),
        ({"layer4.1.bn2.weight": None}, r"1 tensors of the encoder 'resnet18_v1_5' got no value"),
        ({"layer4.1.conv1.weight": None}, r"has a ResNet of \(2, 2, 2, 1\) units"),
    ],
)
def test_a_classifier_that_does_not_fit_is_refused_with_names(change, reason, tmp_path):
    state = {name: t for name, t in (resnet18()[0] | change).items() if t is not None}
    torch.save(state, tmp_path / "a.pth")

    with pytest.raises(WeightsError, match=rf"a\.pth: .*{reason}"):
        load_start(build("resnet18_v1_5"), tmp_path / "a.pth")


def test_a_whole_deeplab_gives_its_encoder_and_of_its_head_what_fits(tmp_path):
    values = peer_state("smp_deeplabv3plus_resnet18")
    state = {name: torch.zeros(value.shape) for name, value in values.items()}
    torch.save({"state_dict": state}, tmp_path / "a.ckpt")
    model = build_model(ModelConfig(encoder="resnet18_v1_5", num_classes=3))

    load_start(model, tmp_path / "a.ckpt")

    assert not model.encoder.root[0].conv.weight.any()
    assert not model.decoder.context.project.conv.weight.any()
    assert model.classifier.weight.any()  # of 3 classes, not 5


def test_what_no_training_starts_from_is_said(tmp_path):
    torch.save({"transformer.weight": torch.zeros(1)}, tmp_path / "a.pth")

    with pytest.raises(WeightsError, match=r"a\.pth: none of .*\['transformer\.weight'\]"):
        load_start(build("resnet18_v1_5"), tmp_path / "a.pth")


def test_a_broken_safetensors_file_is_taken_for_one_of_ours(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"x")

    with pytest.raises(WeightsError, match=r"a\.safetensors: not a whole safetensors file"):
        load_start(build("resnet18_v1_5"), tmp_path / "a.safetensors")
