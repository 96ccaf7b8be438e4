"""``atrous doctor`` says what is there and what works."""

import json

import pytest

from atrous.cli.main import main
from atrous.errors import DependencyError
from atrous.runtime.machine import processor_name, usable_cores
from atrous.weights import engines


def report_of(capsys, *arguments: str) -> tuple[int, dict]:
    with pytest.raises(SystemExit) as stopped:
        main(["doctor", *arguments, "--json"])
    return int(stopped.value.code or 0), json.loads(capsys.readouterr().out)["result"]


def test_every_engine_that_is_installed_agrees_on_the_shipped_model(capsys):
    code, report = report_of(capsys)

    assert code == 0
    assert report["machine"]["cores"] == usable_cores()
    assert report["auto"]["engine"] == "onnx"
    assert list(report["engines"]) == ["onnx", "openvino", "torch"]
    assert all(check["ok"] for check in report["engines"].values())


def test_an_engine_that_is_not_installed_is_told_and_no_fault(capsys, known_network, monkeypatch):
    def missing(*_):
        raise DependencyError("pip install 'atrous[openvino]'")

    only = {"onnx": engines.ENGINES["onnx"], "openvino": missing}
    monkeypatch.setattr(engines, "ENGINES", only)
    monkeypatch.setattr(engines, "_RUN_BY", {".onnx": ("onnx", "openvino")})

    code, report = report_of(capsys, str(known_network))

    assert code == 0
    assert not report["engines"]["openvino"]["installed"]
    assert "atrous[openvino]" in report["engines"]["openvino"]["said"]


def test_a_model_that_does_not_run_fails_the_check(capsys, tmp_path):
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"nothing")

    code, report = report_of(capsys, str(path))

    assert code == 1
    assert "broken.onnx" in report["engines"]["onnx"]["said"]


def test_what_is_no_model_file_is_refused(capsys, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("nothing")

    with pytest.raises(SystemExit) as stopped:
        main(["doctor", str(path)])

    assert stopped.value.code == 4
    assert "models are .onnx or .safetensors files" in capsys.readouterr().err


def test_people_get_a_table(capsys, known_network, monkeypatch):
    monkeypatch.setattr(engines, "_RUN_BY", {".onnx": ("onnx",)})

    with pytest.raises(SystemExit):
        main(["doctor", str(known_network)])

    shown = capsys.readouterr().out
    assert "onnx: it comes with atrous" in shown
    assert processor_name() in shown
