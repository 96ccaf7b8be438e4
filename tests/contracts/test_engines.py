"""What every engine promises, held against one network that has the parts of a real one."""

import contextlib
import resource
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from atrous.errors import ConfigError, ResourceError, WeightsError
from atrous.export.onnx import export_onnx
from atrous.models.build import build_model
from atrous.models.config import ModelConfig
from atrous.models.torch_engine import TorchEngine
from atrous.runtime.card import ModelCard
from atrous.runtime.engine import Engine
from atrous.weights.engines import ENGINES, open_engine
from atrous.weights.load import load
from atrous.weights.model_file import save_model

CARD = ModelCard(
    name="mobile",
    classes=("a", "b", "c"),
    palette=((0, 0, 0), (9, 9, 9), (99, 99, 99)),
    architecture={
        "encoder": "mobilenetv2_035",
        "num_classes": 3,
        "output_stride": 16,
        "aspp_channels": 16,
        "decoder_channels": 16,
    },
)
# Sums in another order: float32 keeps 24 bits, and some 50 layers each add their rounding.
TOLERANCE = 1e-4
# bfloat16 keeps 8 bits of each value.
HALF_TOLERANCE = 0.1


def trained_like_network() -> torch.nn.Module:
    """A network whose logits spread by about 1."""
    torch.manual_seed(0)
    network = build_model(ModelConfig(**CARD.architecture)).eval()
    images = torch.randn(2, 3, 65, 65)
    with torch.no_grad():
        network.classifier.weight /= network.logits_at_stride(images).std()
    return network


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    return trained_like_network()


@pytest.fixture(scope="module")
def files(network, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("engines")
    export_onnx(network, CARD, folder / "m.onnx")
    save_model(folder / "m.safetensors", network, CARD)
    return {".onnx": folder / "m.onnx", ".safetensors": folder / "m.safetensors"}


@pytest.fixture(scope="module")
def engines(files) -> Iterator[dict[str, Engine]]:
    with pytest.MonkeyPatch.context() as patch:
        # The graph is traced as for the compiler; compiling it would take minutes.
        patch.setattr(torch, "compile", partial(torch.compile, backend="eager"))
        yield {name: open_engine(files[".onnx"], engine=name, threads=1)[0] for name in ENGINES}


@pytest.fixture(params=ENGINES)
def engine(engines, request) -> Engine:
    return engines[request.param]


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, shape).astype(np.float32)


@pytest.mark.parametrize("size", [(1, 1), (33, 48), (97, 50)])
def test_logits_are_those_of_the_network_at_any_size(engine, network, size):
    images = noise(1, 3, *size)

    logits = engine.run(images)

    expected = TorchEngine(network, device=torch.device("cpu")).run(images)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, expected, rtol=0, atol=TOLERANCE)


def test_labels_are_those_of_the_network(engine, network):
    images = noise(1, 3, 97, 50)

    labels = engine.run(images).argmax(axis=1)

    with torch.inference_mode():
        logits = network.logits_at_stride(torch.from_numpy(images))
    best, second = logits.topk(2, dim=1).values.unbind(1)
    clear = (best - second > 2 * TOLERANCE).numpy()
    assert clear.mean() > 0.99
    np.testing.assert_array_equal(labels[clear], logits.argmax(1).numpy()[clear])


def test_a_batch_gives_what_its_pictures_give(engine):
    images = noise(3, 3, 33, 48)

    together = engine.run(images)

    apart = np.concatenate([engine.run(images[index : index + 1]) for index in range(3)])
    np.testing.assert_allclose(together, apart, rtol=0, atol=TOLERANCE)


def test_eight_threads_at_once_get_what_one_gets(engine):
    pictures = [
        noise(1, 3, (33, 97)[index % 2], (48, 50)[index % 2]) + index for index in range(16)
    ]
    alone = [engine.run(images) for images in pictures]

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(engine.run, pictures))

    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=TOLERANCE)


def test_results_do_not_share_memory(engine):
    first = engine.run(noise(1, 3, 33, 48))
    kept = first.copy()

    engine.run(noise(1, 3, 33, 48) + 1)

    np.testing.assert_array_equal(first, kept)


@contextlib.contextmanager
def memory_for(more: int) -> Iterator[None]:
    """Let this process take so many bytes more and not another one."""
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (taken + more, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
def test_too_little_memory_is_told_in_a_sentence_and_the_engine_goes_on(engine):
    large, small = np.zeros((1, 3, 3000, 3000), np.float32), noise(1, 3, 33, 48)
    expected = engine.run(small)

    with pytest.raises(ResourceError, match="3000 x 3000 pixels"), memory_for(48 << 20):
        engine.run(large)

    np.testing.assert_allclose(engine.run(small), expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", ENGINES)
def test_the_number_of_threads_is_the_one_asked_for(files, name, monkeypatch):
    told = [1]
    monkeypatch.setattr(torch, "set_num_threads", told.append)
    monkeypatch.setattr(torch, "get_num_threads", lambda: told[-1])

    opened, _ = open_engine(files[".onnx"], engine=name, threads=2)

    assert opened.threads == 2


@pytest.mark.parametrize("name", ENGINES)
def test_damaged_weights_are_told_and_not_drawn(network, files, tmp_path, name):
    torch.manual_seed(0)
    broken = build_model(ModelConfig(**CARD.architecture)).eval()
    broken.classifier.bias.data.fill_(float("nan"))
    save_model(tmp_path / "m.safetensors", broken, CARD)
    path = tmp_path / "m.safetensors"
    if name in {"onnx", "openvino"}:
        path = with_nan(files[".onnx"], tmp_path / "m.onnx")

    predictor = load(path, engine="torch" if name == "torch-compile" else name)

    with pytest.raises(WeightsError, match="not numbers"):
        predictor.predict(np.zeros((33, 33, 3), np.uint8))


def with_nan(source: Path, target: Path) -> Path:
    """An ONNX file whose last bias is not a number."""
    proto = onnx.load(source)
    bias = next(item for item in proto.graph.initializer if item.name == "classifier.bias")
    bias.CopyFrom(numpy_helper.from_array(np.full(3, np.nan, np.float32), bias.name))
    onnx.save(proto, target)
    return target


@pytest.mark.parametrize("ending", [".onnx", ".safetensors"])
@pytest.mark.parametrize("name", ENGINES)
def test_damaged_files_are_refused_with_their_name(files, tmp_path, name, ending):
    content = files[ending].read_bytes()
    path = tmp_path / f"damaged{ending}"
    wanted = ConfigError if (name, ending) in REFUSED else WeightsError

    for damaged in (content[: len(content) // 2], content[:9], b"", b"\x00" * 64, b"<html>"):
        path.write_bytes(damaged)
        with pytest.raises(wanted, match=r"damaged\.(onnx|safetensors)"):
            open_engine(path, engine=name)


REFUSED = {("onnx", ".safetensors"), ("openvino", ".safetensors")}
"""Engines that do not read a kind of file."""


@pytest.mark.parametrize("name", ENGINES)
def test_flipped_bytes_are_refused_or_harmless(files, tmp_path, name):
    content = files[".onnx"].read_bytes()
    random = np.random.default_rng(0)
    path = tmp_path / "flipped.onnx"

    for place in random.integers(0, len(content), 8):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        with contextlib.suppress(WeightsError, ResourceError):
            open_engine(path, engine=name, threads=1)[0].run(noise(1, 3, 33, 48))


@pytest.mark.parametrize(
    ("ending", "options", "reason"),
    [
        (".safetensors", {"engine": "onnx"}, r"reads \.onnx files only; take --engine torch"),
        (".safetensors", {"engine": "openvino"}, "'atrous export"),
        (".onnx", {"engine": "onnx", "precision": "bf16"}, "take --engine openvino or torch"),
        (".onnx", {"engine": "tensorrt"}, "known engines: auto, onnx, openvino, torch"),
        (".onnx", {"precision": "int4"}, "unknown precision 'int4'; known: fp32, bf16, fp16"),
    ],
)
def test_what_does_not_go_together_is_refused(files, ending, options, reason):
    with pytest.raises(ConfigError, match=reason):
        open_engine(files[ending], **options)


@pytest.mark.parametrize("name", ["openvino", "torch"])
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_is_close_or_refused(files, network, name, precision):
    images = noise(1, 3, 65, 65)

    try:
        opened, _ = open_engine(files[".onnx"], engine=name, precision=precision, threads=1)
    except ConfigError as error:
        pytest.skip(f"this processor cannot: {error}")
    expected = TorchEngine(network, device=torch.device("cpu")).run(images)
    assert precision in opened.name
    assert np.abs(opened.run(images) - expected).mean() < HALF_TOLERANCE


def test_a_file_runs_by_itself_on_the_engine_it_is_made_for(files):
    assert open_engine(files[".onnx"])[0].name == "onnxruntime"
    assert open_engine(files[".safetensors"])[0].name == "torch"


def test_the_context_of_a_picture_is_the_one_that_it_has_by_itself(engine):
    images = noise(1, 3, 96, 65)

    given = engine.run_in_context(images, engine.context_of(images))

    np.testing.assert_allclose(given, engine.run(images), atol=TOLERANCE)


def test_a_given_context_counts_as_it_does_in_torch(engine, network):
    images = noise(2, 3, 64, 96)
    context = engine.context_of(noise(1, 3, 128, 128)) + 1
    with torch.inference_mode():
        expected = network.logits_at_stride(torch.from_numpy(images), torch.from_numpy(context))

    found = engine.run_in_context(images, context)

    np.testing.assert_allclose(found, expected.numpy(), atol=TOLERANCE)
    assert np.abs(found - engine.run(images)).max() > 100 * TOLERANCE
