import pytest
import torch

from atrous.errors import WeightsError
from atrous.export.onnx import export_onnx
from atrous.models.build import build_model
from atrous.models.classifier import build_classifier
from atrous.models.config import ClassifierConfig, ModelConfig
from atrous.runtime.card import ModelCard
from atrous.weights.from_ours import fill_from_ours
from atrous.weights.model_file import save_model
from atrous.weights.start import load_start


def small(num_classes=2, **changes):
    settings = {"encoder": "mobilenetv2_035", "decoder_channels": 16, "reduced_channels": 8}
    config = ModelConfig(num_classes=num_classes, **(settings | changes))
    card = ModelCard(
        name="small",
        classes=tuple("abcdef"[:num_classes]),
        palette=((0, 0, 0),) * num_classes,
        architecture=config.model_dump(mode="json"),
    )
    return build_model(config).eval(), card


@pytest.fixture(scope="module", params=[".safetensors", ".onnx"])
def source(request, tmp_path_factory):
    model, card = small()
    path = tmp_path_factory.mktemp("source") / f"small{request.param}"
    (save_model if path.suffix == ".safetensors" else _export)(path, model, card)
    return model, path


def _export(path, model, card):
    export_onnx(model, card, path)


def test_a_model_started_from_ours_computes_the_same(source):
    original, path = source
    model, _ = small()
    images = torch.randn(1, 3, 64, 64)

    folded = load_start(model, path)

    assert bool(folded) == (path.suffix == ".onnx")
    with torch.inference_mode():
        torch.testing.assert_close(model(images), original(images), atol=1e-5, rtol=1e-4)


def test_another_number_of_classes_keeps_the_new_classifier_and_takes_the_rest(source):
    original, path = source
    model, _ = small(num_classes=5)
    drawn = model.classifier.weight.clone()
    images = torch.randn(1, 3, 64, 64)

    fill_from_ours(model, path)

    assert torch.equal(model.classifier.weight, drawn)
    with torch.inference_mode():
        decoded = model.decoder(model.encoder(images))
        expected = original.decoder(original.encoder(images))
    torch.testing.assert_close(decoded, expected, atol=1e-5, rtol=1e-4)


def test_another_encoder_is_refused_with_its_name(source):
    model, _ = small(encoder="mobilenetv2_050")

    with pytest.raises(WeightsError, match="its encoder is 'mobilenetv2_035'"):
        fill_from_ours(model, source[1])


def classifier_file(path, encoder="mobilenetv2_035"):
    config = ClassifierConfig(encoder=encoder, num_classes=3)
    model = build_classifier(config)
    card = ModelCard(
        task="classification",
        name="classifier",
        classes=("a", "b", "c"),
        architecture=config.model_dump(mode="json"),
    )
    save_model(path, model, card)
    return model


@pytest.mark.parametrize("encoder", ["mobilenetv2_035", "xception"])
def test_of_a_classifier_the_encoder_is_taken(encoder, tmp_path):
    classifier = classifier_file(tmp_path / "classifier.safetensors", encoder)
    model, _ = small(encoder=encoder)
    decoder = {name: value.clone() for name, value in model.decoder.state_dict().items()}

    assert load_start(model, tmp_path / "classifier.safetensors") == []

    for name, value in classifier.encoder.state_dict().items():
        assert torch.equal(model.encoder.state_dict()[name], value), name
    for name, value in decoder.items():
        assert torch.equal(model.decoder.state_dict()[name], value), name


def test_a_classifier_with_another_encoder_is_refused(tmp_path):
    classifier_file(tmp_path / "classifier.safetensors", "resnet18")
    model, _ = small()

    with pytest.raises(WeightsError, match="its encoder is 'resnet18' and does not fit"):
        load_start(model, tmp_path / "classifier.safetensors")
