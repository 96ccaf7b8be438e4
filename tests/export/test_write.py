"""Every kind of file, opened in its own runtime, and what the gate lets through."""

import dataclasses
import errno
import json
import sys
import warnings
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import openvino
import pytest
import torch

from atrous.cli.main import main
from atrous.data.detect import open_split
from atrous.errors import ConfigError, DependencyError, ExportError, ResourceError
from atrous.export import FORMATS, Checks, Request, export_model
from atrous.export import onnx as onnx_format
from atrous.export.graph import Graph
from atrous.models.build import build_model
from atrous.models.config import ModelConfig
from atrous.runtime.card import CARD_KEY, ModelCard, read_card
from atrous.weights.model_file import save_model

CONFIG = ModelConfig(
    encoder="mobilenetv2_035", num_classes=3, decoder_channels=16, reduced_channels=8
)
CARD = ModelCard(
    name="small",
    classes=("a", "b", "c"),
    palette=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    architecture=CONFIG.model_dump(mode="json"),
)
FIXED = Request(size=(48, 64))
PIXELS = np.random.default_rng(0).integers(0, 255, (1, 48, 64, 3)).astype(np.uint8)
IMAGES = ((PIXELS.astype(np.float32) - 127.5) / 127.5).transpose(0, 3, 1, 2).copy()
# Some processors compute in bfloat16 otherwise.
IN_32_BITS = {"INFERENCE_PRECISION_HINT": "f32"}
# Float32 rounding of logits around 1.
ROUNDING = {"atol": 1e-4, "rtol": 1e-4}


def small_model(seed=0):
    torch.manual_seed(seed)
    model = build_model(CONFIG)
    torch.nn.init.normal_(model.classifier.weight)
    return model.eval()


def expected(model, given, *, processing=False):
    return Graph(model, CARD, processing=processing).run(given)


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.fixture(scope="module")
def traced(model):
    """The ONNX graph of the model; tracing it takes most of the time."""
    return onnx_format._to_bytes(model, CARD, half=False)


@pytest.fixture
def quick(traced, monkeypatch):
    monkeypatch.setattr(onnx_format, "_to_bytes", lambda *_, **__: traced)


def test_openvino_gives_torchs_logits_at_any_size(model, quick, tmp_path):
    export_model(model, CARD, tmp_path / "m.xml")

    compiled = openvino.Core().compile_model(tmp_path / "m.xml", "CPU", IN_32_BITS)
    for images in (IMAGES, np.concatenate([IMAGES, -IMAGES])[:, :, :33, :50].copy()):
        np.testing.assert_allclose(
            compiled({"images": images})["logits"], expected(model, images), **ROUNDING
        )
    stored = openvino.Core().read_model(tmp_path / "m.xml").get_rt_info([CARD_KEY])
    assert read_card(stored.astype(str), where="") == CARD


def test_openvino_takes_pixels_and_gives_labels_of_one_size(model, quick, tmp_path):
    request = Request(size=(48, 64), processing=True)

    agreement = export_model(model, CARD, tmp_path / "m.xml", request)

    compiled = openvino.Core().compile_model(tmp_path / "m.xml", "CPU", IN_32_BITS)
    labels = compiled({"pixels": PIXELS})["labels"]
    assert (labels.dtype, labels.shape) == (np.uint8, (1, 48, 64))
    assert (labels == expected(model, PIXELS, processing=True)).mean() > 0.999
    assert agreement.equal_labels > 0.999


def test_a_file_of_half_weights_is_smaller(model, quick, tmp_path):
    export_model(model, CARD, tmp_path / "m.xml")
    agreement = export_model(model, CARD, tmp_path / "half.xml", Request(half=True))

    sizes = [(tmp_path / name).stat().st_size for name in ("half.bin", "m.bin")]
    assert sizes[0] < 0.55 * sizes[1]
    assert agreement.equal_labels > 0.98


def test_torchscript_gives_torchs_logits_at_any_size(model, tmp_path):
    export_model(model, CARD, tmp_path / "m.torchscript")

    extra = {CARD_KEY: ""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that torch.export is its successor
        program = torch.jit.load(tmp_path / "m.torchscript", _extra_files=extra)
    for images in (IMAGES, np.repeat(IMAGES[:, :, :33, :50], 2, axis=0)):
        found = program(torch.from_numpy(images)).detach().numpy()
        np.testing.assert_allclose(found, expected(model, images), **ROUNDING)
    assert read_card(extra[CARD_KEY].decode(), where="") == CARD


def test_a_torch_program_takes_pixels_of_any_size_and_gives_labels(model, tmp_path):
    export_model(model, CARD, tmp_path / "m.pt2", Request(processing=True))

    extra = {CARD_KEY: ""}
    program = torch.export.load(tmp_path / "m.pt2", extra_files=extra).module()
    for pixels in (PIXELS, PIXELS[:, :35, :50].copy()):
        labels = program(torch.from_numpy(pixels)).numpy()
        assert labels.dtype == np.uint8
        assert (labels == expected(model, pixels, processing=True)).all()
    assert read_card(extra[CARD_KEY], where="") == CARD


def test_an_onnx_file_of_one_size_says_so(model, quick, tmp_path):
    export_model(model, CARD, tmp_path / "m.onnx", FIXED)

    session = onnx_format.onnxruntime.InferenceSession(tmp_path / "m.onnx")
    assert session.get_inputs()[0].shape == [1, 3, 48, 64]
    assert session.get_outputs()[0].shape == [1, 3, 12, 16]
    (logits,) = session.run(["logits"], {"images": IMAGES})
    np.testing.assert_allclose(logits, expected(model, IMAGES), **ROUNDING)


@pytest.mark.parametrize("ending", ["torchscript", "pt2"])
def test_a_file_tells_nothing_of_the_machine_it_was_made_on(ending, model, tmp_path):
    export_model(model, CARD, tmp_path / f"m.{ending}", FIXED)

    content = (tmp_path / f"m.{ending}").read_bytes()
    assert b"site-packages" not in content
    assert __file__.encode().rpartition(b"/tests/")[0] not in content


@pytest.mark.parametrize("name", ["litert", "executorch"])
def test_runtimes_of_phones_give_torchs_logits(name, model, tmp_path):
    pytest.importorskip({"litert": "litert_torch"}.get(name, name))

    agreement = export_model(
        model, CARD, tmp_path / f"m{FORMATS[name].endings[-1]}", FIXED, format_name=name
    )

    assert agreement.logits_difference < 1e-4


class FakeInterpreter:
    """Stands in for LiteRT's: a file is a TorchScript program."""

    def __init__(self, model_path, **_options):
        self.run = FORMATS["torchscript"].run(model_path)

    def allocate_tensors(self):
        self.value = None

    def get_input_details(self):
        return [{"index": 0}]

    get_output_details = get_input_details

    def set_tensor(self, _index, images):
        self.value = images

    def invoke(self):
        self.value = self.run(self.value)

    def get_tensor(self, _index):
        return self.value


def fake_convert(graph, _example):
    content = FORMATS["torchscript"].write(graph.model, CARD, FIXED)[".torchscript"]
    return SimpleNamespace(export=lambda path: Path(path).write_bytes(content))


def fake_litert(monkeypatch):
    for name, values in (
        ("litert_torch", {"convert": fake_convert}),
        ("ai_edge_litert", {}),
        ("ai_edge_litert.interpreter", {"Interpreter": FakeInterpreter}),
    ):
        module = ModuleType(name)
        module.__dict__.update(values)
        monkeypatch.setitem(sys.modules, name, module)


def test_a_litert_file_lies_beside_its_card(model, tmp_path, monkeypatch):
    fake_litert(monkeypatch)

    export_model(model, CARD, tmp_path / "m.tflite", FIXED)

    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.json", "m.tflite"]
    assert read_card((tmp_path / "m.json").read_text(), where="") == CARD


def test_a_package_that_is_missing_is_named(model, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "litert_torch", None)

    with pytest.raises(DependencyError, match="needs litert_torch; pip install"):
        export_model(model, CARD, tmp_path / "m.tflite", FIXED)

    assert list(tmp_path.iterdir()) == []


def lie(monkeypatch, name="torchscript", **changes):
    """Let a format write or run something else."""
    monkeypatch.setitem(FORMATS, name, dataclasses.replace(FORMATS[name], **changes))


def test_a_file_of_another_model_is_exit_5_and_not_left_behind(
    model, tmp_path, monkeypatch, capsys
):
    save_model(tmp_path / "m.safetensors", model, CARD)
    write = FORMATS["torchscript"].write
    lie(monkeypatch, write=lambda _, *rest: write(small_model(seed=1), *rest))

    with pytest.raises(SystemExit) as exit_info:
        main(["export", f"{tmp_path}/m.safetensors", f"{tmp_path}/m.torchscript"])

    assert exit_info.value.code == 5
    assert "nothing was written" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]


def test_a_file_that_its_runtime_cannot_open_is_not_left_behind(model, tmp_path, monkeypatch):
    lie(monkeypatch, write=lambda *_: {".torchscript": b"PK\x03\x04 damaged"})

    with pytest.raises(ExportError, match="own runtime cannot open it"):
        export_model(model, CARD, tmp_path / "m.torchscript")

    assert list(tmp_path.iterdir()) == []


def test_what_a_converter_raises_is_told_in_a_sentence(model, tmp_path, monkeypatch):
    def fail(*_):
        raise RuntimeError("no such operator\nat step 3")

    lie(monkeypatch, write=fail)

    with pytest.raises(ExportError, match=r"could not be written so \(no such operator\)$"):
        export_model(model, CARD, tmp_path / "m.torchscript")


def test_a_second_file_that_is_there_is_kept(model, tmp_path):
    (tmp_path / "m.bin").write_bytes(b"precious")

    with pytest.raises(ResourceError, match=r"m\.bin: is there already"):
        export_model(model, CARD, tmp_path / "m.xml")

    assert [path.name for path in tmp_path.iterdir()] == ["m.bin"]


def test_a_full_disk_leaves_nothing_behind(model, tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("atrous.imaging.os.fsync", full)

    with pytest.raises(ResourceError, match="the disk is full"):
        export_model(model, CARD, tmp_path / "m.torchscript")

    assert list(tmp_path.iterdir()) == []


def test_the_loss_of_mean_iou_is_measured_and_limited(camvid_like, tmp_path, monkeypatch):
    config = CONFIG.model_copy(update={"num_classes": 11})
    split = open_split(camvid_like, "val")
    names, palette = split.label_set.names, ((0, 0, 0),) * 11
    card = CARD.model_copy(update={"classes": names, "palette": palette})
    torch.manual_seed(0)
    model = build_model(config).eval()
    checks = Checks(split=split)

    agreement = export_model(model, card, tmp_path / "m.torchscript", FIXED, checks=checks)
    assert agreement.drop == 0
    assert 0 < agreement.mean_iou < 1

    def score(run, *_):
        return 0.5 if "Graph" in run.__qualname__ else 0.4

    monkeypatch.setattr("atrous.export.write.mean_iou_of", score)
    with pytest.raises(ExportError, match=r"loses 10\.00 points of mean IoU, more than 0\.5"):
        export_model(model, card, tmp_path / "n.torchscript", FIXED, checks=checks)


def test_a_dataset_of_other_classes_cannot_measure_the_loss(model, camvid_like, tmp_path):
    checks = Checks(split=open_split(camvid_like, "val"))

    with pytest.raises(ConfigError, match="3 classes are not the 11 of the dataset"):
        export_model(model, CARD, tmp_path / "m.torchscript", FIXED, checks=checks)


def test_the_command_gives_numbers(model, tmp_path, capsys):
    save_model(tmp_path / "m.safetensors", model, CARD)

    with pytest.raises(SystemExit) as exit_info:
        main(["export", f"{tmp_path}/m.safetensors", f"{tmp_path}/m.torchscript", "--json"])

    assert exit_info.value.code == 0
    result = json.loads(capsys.readouterr().out)["result"]
    assert result["format"] == "torchscript"
    assert result["equal_labels"] == 1
    assert result["bytes"] == (tmp_path / "m.torchscript").stat().st_size


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("m.torchscript --half", "torchscript files are written in 32 bits"),
        ("m.tflite", "takes pictures of one size; give it as HEIGHTxWIDTH"),
        ("m.onnx --format pt2", "files of pt2 end in .pt2"),
        ("m.onnx --format keras", "unknown format 'keras'; known: onnx (.onnx)"),
        ("m.onnx --int8", "--int8 and --calibrate FOLDER belong together"),
        ("m.onnx --size 5", "a size is HEIGHTxWIDTH"),
        ("m.onnx --half --int8 --calibrate .", "in 8 bits or in 16"),
        ("m.onnx --max-drop -1", "Must be >= 0"),
    ],
)
def test_what_cannot_be_had_is_refused_before_any_work(
    words, reason, camvid_like, monkeypatch, capsys
):
    monkeypatch.chdir(camvid_like)

    with pytest.raises(SystemExit) as exit_info:
        main(["export", "camvid", *words.split()])

    assert exit_info.value.code == 2
    assert reason in capsys.readouterr().err
