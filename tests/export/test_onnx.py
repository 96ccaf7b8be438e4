import numpy as np
import onnx
import pytest
import torch

from atrous.errors import ExportError, ResourceError, WeightsError
from atrous.export.onnx import export_onnx
from atrous.models.build import build_model
from atrous.models.config import ModelConfig
from atrous.models.torch_engine import TorchEngine
from atrous.runtime.card import ModelCard, Preprocessing
from atrous.runtime.onnx_engine import OnnxEngine
from atrous.weights.from_onnx import load_onnx_model
from atrous.weights.load import load
from atrous.weights.model_file import save_model


def small_model(encoder="mobilenetv2_035", **changes):
    """A small model whose norms have statistics worth folding, and its card."""
    config = ModelConfig(
        encoder=encoder,
        num_classes=3,
        decoder_channels=16,
        reduced_channels=8,
        **changes,
    )
    torch.manual_seed(0)
    model = build_model(config)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.8, 1.2)
            torch.nn.init.normal_(module.bias, std=0.3)
            torch.nn.init.normal_(module.running_mean, std=0.1)
            torch.nn.init.uniform_(module.running_var, 0.8, 1.2)
    if isinstance(model.classifier, torch.nn.Conv2d):
        torch.nn.init.normal_(model.classifier.weight)
    card = ModelCard(
        name="small",
        classes=("a", "b", "c"),
        palette=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        architecture=config.model_dump(mode="json"),
    )
    return model.eval(), card


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    model, card = small_model()
    path = tmp_path_factory.mktemp("export") / "small.onnx"
    agreement = export_onnx(model, card, path)
    return model, card, path, agreement


@pytest.mark.parametrize("size", [(33, 33), (64, 97), (130, 65), (1, 40)])
def test_the_file_gives_torchs_logits_at_any_size(exported, size):
    model, _, path, _ = exported
    images = np.random.default_rng(0).normal(size=(2, 3, *size)).astype(np.float32)

    difference = OnnxEngine(path).run(images) - TorchEngine(model).run(images)

    # Sums in another order, after folding: a few units in the last place of logits around 1.
    assert np.abs(difference).max() < 1e-4


def test_the_file_describes_itself(exported):
    _, card, path, _ = exported

    assert OnnxEngine(path).card == card


def test_the_agreement_is_measured(exported):
    agreement = exported[3]

    assert 0 < agreement.logits_difference < 1e-4
    assert agreement.equal_labels > 0.999


def test_the_file_tells_nothing_of_the_machine_it_was_made_on(exported):
    content = exported[2].read_bytes()

    assert b"site-packages" not in content
    assert b".py" not in content


def test_the_way_back_to_torch_computes_the_same(exported):
    model, _, path, _ = exported
    images = torch.randn(1, 3, 65, 65)

    back, card = load_onnx_model(path)

    assert card.name == "small"
    with torch.inference_mode():
        torch.testing.assert_close(back(images), model(images), atol=1e-4, rtol=1e-4)


def test_layers_of_equal_values_each_come_back(tmp_path):
    model, card = small_model()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.ones_(module.bias)
            module.reset_running_stats()
            torch.nn.init.ones_(module.weight)

    export_onnx(model, card, tmp_path / "m.onnx")

    images = torch.randn(1, 3, 48, 61)
    with torch.inference_mode():
        back = load_onnx_model(tmp_path / "m.onnx")[0]
        torch.testing.assert_close(back(images), model(images), atol=1e-4, rtol=1e-4)


def test_half_storage_halves_the_file_and_keeps_the_network_in_32_bits(exported, tmp_path):
    model, card = small_model(align_corners=True, padding="same")
    images = np.random.default_rng(1).normal(size=(1, 3, 64, 98)).astype(np.float32)

    agreement = export_onnx(model, card, tmp_path / "half.onnx", half=True)

    assert (tmp_path / "half.onnx").stat().st_size < 0.65 * exported[2].stat().st_size
    assert agreement.logits_difference < 1e-4
    assert agreement.equal_labels > 0.98
    same_weights = TorchEngine(load_onnx_model(tmp_path / "half.onnx")[0])
    difference = OnnxEngine(tmp_path / "half.onnx").run(images) - same_weights.run(images)
    assert np.abs(difference).max() < 1e-4


def test_maps_that_only_align_their_first_corner_are_the_same_in_the_file(tmp_path):
    model, card = small_model(align_corners="first", padding="same")
    images = np.random.default_rng(1).normal(size=(1, 3, 50, 64)).astype(np.float32)

    export_onnx(model, card, tmp_path / "m.onnx")

    difference = OnnxEngine(tmp_path / "m.onnx").run(images) - TorchEngine(model).run(images)
    assert np.abs(difference).max() < 1e-4


@pytest.mark.parametrize("padding", ["same", "symmetric"])
def test_max_pooling_pads_in_the_file_as_in_torch(padding, tmp_path):
    model, card = small_model("resnet18_beta", padding=padding, output_stride=16)
    images = np.random.default_rng(1).normal(size=(1, 3, 50, 64)).astype(np.float32)

    export_onnx(model, card, tmp_path / "m.onnx", examples=[images])

    difference = OnnxEngine(tmp_path / "m.onnx").run(images) - TorchEngine(model).run(images)
    # Padding one pixel elsewhere moves these logits by 0.1 and more.
    assert np.abs(difference).max() < 1e-4


LIGHT = {
    "encoder": "mobilenetv3_small_seg",
    "decoder": "lraspp",
    "decoder_strides": (8,),
    "output_stride": 32,
    "image_pooling_crop_size": (129, 161),
    "image_pooling_stride": (1, 2),
}


@pytest.mark.parametrize(
    "changes",
    [
        LIGHT | {"padding": "same"},
        {
            "decoder_strides": (8, 4),
            "image_pooling_crop_size": (97, 97),
            "encoder": "mobilenetv2_035",
        },
    ],
)
def test_every_head_gives_torchs_logits_at_sizes_below_and_above_its_windows(changes, tmp_path):
    model, card = small_model(**changes)
    pictures = [torch.randn(1, 3, *size).numpy() for size in ((33, 40), (290, 333))]

    agreement = export_onnx(model, card, tmp_path / "m.onnx", examples=pictures)

    # Float32 rounding; a window cut wrongly moves the logits by a tenth of their spread.
    assert agreement.logits_difference < 1e-4 * agreement.logits_spread
    assert agreement.equal_labels == 1
    assert not OnnxEngine(tmp_path / "m.onnx").takes_context


def test_a_file_that_disagrees_is_not_left_behind(exported, tmp_path, monkeypatch):
    model, card, path, _ = exported
    proto = onnx.load(path)
    bias = next(item for item in proto.graph.initializer if item.name == "classifier.bias")
    bias.CopyFrom(onnx.numpy_helper.from_array(np.ones(3, np.float32), bias.name))
    shifted = proto.SerializeToString()
    monkeypatch.setattr("atrous.export.onnx._to_bytes", lambda *_, **__: shifted)
    monkeypatch.setattr("atrous.export.onnx.load_onnx_model", lambda _: (model, card))

    with pytest.raises(ExportError, match="differ from torch's by up to"):
        export_onnx(model, card, tmp_path / "m.onnx")

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_is_kept(tmp_path):
    (tmp_path / "m.onnx").write_bytes(b"precious")

    with pytest.raises(ResourceError, match="is there already"):
        export_onnx(*small_model(), tmp_path / "m.onnx")

    assert (tmp_path / "m.onnx").read_bytes() == b"precious"
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def test_weights_outside_the_file_are_never_followed(exported, tmp_path):
    proto = onnx.load(exported[2])
    tensor = next(item for item in proto.graph.initializer if item.name.endswith("conv.weight"))
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())

    with pytest.raises(WeightsError, match="never followed"):
        load_onnx_model(tmp_path / "m.onnx")
    with pytest.raises(WeightsError, match="not a model that ONNX Runtime can open"):
        OnnxEngine(tmp_path / "m.onnx")


@pytest.mark.parametrize("content", [b"", b"\x08\x07garbage", b"PK\x03\x04"])
def test_files_that_are_no_onnx_are_refused(tmp_path, content):
    (tmp_path / "m.onnx").write_bytes(content)

    with pytest.raises(WeightsError, match=r"m\.onnx"):
        load_onnx_model(tmp_path / "m.onnx")


@pytest.mark.parametrize(("channels", "bits"), [(1, 16), (4, 8)])
def test_a_model_of_other_channels_keeps_its_labels_from_file_to_file(channels, bits, tmp_path):
    model, card = small_model(in_channels=channels)
    preprocessing = Preprocessing(mean=(100.0,) * channels, std=(60.0,) * channels, bits=bits)
    card = card.model_copy(update={"preprocessing": preprocessing})
    save_model(tmp_path / "a.safetensors", model, card)
    export_onnx(model, card, tmp_path / "a.onnx")
    pixels = np.random.default_rng(0).integers(0, 250, (40, 60, channels)).astype(f"uint{bits}")

    first, second = (load(tmp_path / name).predict(pixels) for name in ("a.safetensors", "a.onnx"))

    # Logits differ by rounding, which decides a pixel between two nearly equal classes.
    assert (first.mask == second.mask).mean() > 0.999
    assert first.overlay().size == (60, 40)


def test_a_card_of_other_channels_than_the_network_is_refused(tmp_path):
    model, card = small_model(in_channels=4)
    save_model(tmp_path / "a.safetensors", model, card)

    with pytest.raises(WeightsError, match=r"a\.safetensors: its network reads 4 channels.* of 3"):
        load(tmp_path / "a.safetensors")
