import hashlib

import numpy as np
import onnx
import pytest
import torch

from atrous.errors import ConfigError
from atrous.export.onnx import export_onnx
from atrous.models.build import build_model
from atrous.models.config import ModelConfig
from atrous.models.torch_engine import TorchEngine
from atrous.runtime.card import ModelCard
from atrous.runtime.engine import CONTEXT, GIVEN_CONTEXT, ContextEngine
from atrous.runtime.onnx_engine import OnnxEngine
from atrous.weights.load import DEFAULT_MODEL, find_model

SHIPPED_WEIGHTS = "d81fb65596bed8e9"
"""Begin of the digest of the shipped weights before the graph could be given a context."""
LIGHT = {"encoder": "mobilenetv3_small_seg", "decoder": "lraspp", "decoder_strides": (8,)}


def drawn_model(**changes):
    """A network and its card."""
    values = {"encoder": "mobilenetv2_035", "num_classes": 2, "decoder_channels": 16, **changes}
    config = ModelConfig(**values)
    torch.manual_seed(0)
    model = build_model(config).eval()
    for part in (model.classifier, *model.decoder.children()):
        if isinstance(part, torch.nn.Conv2d):
            torch.nn.init.normal_(part.weight)
    card = ModelCard(
        name="drawn",
        classes=("a", "b"),
        palette=((1, 0, 0), (0, 1, 0)),
        architecture=config.model_dump(mode="json"),
    )
    return model, card


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.fixture(scope="module", params=[{}, LIGHT], ids=["aspp", "light head"])
def engines(request, tmp_path_factory):
    """The same network in torch and in a file."""
    path = tmp_path_factory.mktemp("context") / "m.onnx"
    model, card = drawn_model(**request.param)
    export_onnx(model, card, path)
    return TorchEngine(model, device=torch.device("cpu")), OnnxEngine(path)


def test_both_engines_take_a_context(engines):
    assert all(isinstance(engine, ContextEngine) and engine.takes_context for engine in engines)


def test_the_own_context_changes_nothing(engines):
    images = drawn(1, 3, 96, 65)

    for engine in engines:
        given = engine.run_in_context(images, engine.context_of(images))
        # The same numbers go the same way; torch may choose other kernels.
        np.testing.assert_allclose(given, engine.run(images), atol=1e-6)


def test_another_context_changes_logits_and_does_so_alike_in_torch_and_in_the_file(engines):
    images = drawn(2, 3, 64, 96)
    context = engines[0].context_of(drawn(1, 3, 96, 96, seed=1)) + 1

    in_torch, in_file = (engine.run_in_context(images, context) for engine in engines)

    # Float32 sums in another order, of logits around 1.
    np.testing.assert_allclose(in_file, in_torch, atol=1e-4)
    assert np.abs(in_torch - engines[0].run(images)).max() > 1e-3


def test_contexts_of_torch_and_file_are_the_same(engines):
    images = drawn(2, 3, 64, 97)

    found = [engine.context_of(images) for engine in engines]

    assert found[0].shape[0] == 2
    np.testing.assert_allclose(found[1], found[0], atol=1e-4)


@pytest.mark.parametrize(
    "changes",
    [{"image_pooling": False}, {"context": "dpc"}, {"image_pooling_crop_size": (97, 97)}],
    ids=str,
)
def test_networks_that_see_no_whole_picture_take_no_context(changes):
    engine = TorchEngine(drawn_model(**changes)[0], device=torch.device("cpu"))

    assert not engine.takes_context
    with pytest.raises(ConfigError, match="takes no means"):
        engine.context_of(drawn(1, 3, 64, 64))


def shipped():
    return onnx.load(find_model(DEFAULT_MODEL))


def test_the_shipped_weights_are_the_bits_they_were():
    digest = hashlib.sha256()
    for item in sorted(shipped().graph.initializer, key=lambda item: item.name):
        if item.name != GIVEN_CONTEXT:
            digest.update(item.name.encode() + item.raw_data)

    assert digest.hexdigest().startswith(SHIPPED_WEIGHTS)


def test_the_shipped_file_gives_the_bits_that_it_gives_without_a_way_in(tmp_path):
    proto, images = shipped(), drawn(1, 3, 90, 120)
    (reader,) = (node for node in proto.graph.node if "context/taken" in node.input)
    reader.input[0] = CONTEXT
    kept = [
        node for node in proto.graph.node if node.name not in {"context/is_own", "context/choose"}
    ]
    del proto.graph.node[:], proto.graph.input[1:], proto.graph.output[1:]
    proto.graph.node.extend(kept)
    onnx.save(proto, tmp_path / "plain.onnx")

    plain, engine = OnnxEngine(tmp_path / "plain.onnx"), OnnxEngine(find_model(DEFAULT_MODEL))

    assert not plain.takes_context
    np.testing.assert_array_equal(engine.run(images), plain.run(images))
