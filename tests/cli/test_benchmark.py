"""``atrous benchmark`` as a user types it."""

import json

import pytest

from atrous.cli.main import main
from atrous.speed import benchmark as module
from atrous.speed.benchmark import Findings, Row
from atrous.speed.task import Task


def run(*arguments):
    with pytest.raises(SystemExit) as exit_info:
        main(["benchmark", *(str(argument) for argument in arguments)])
    return exit_info.value.code


@pytest.fixture
def result_of(capsys):
    def measured(*arguments):
        capsys.readouterr()
        code = run(*arguments, "--json", "-q")
        return code, json.loads(capsys.readouterr().out)["result"]

    return measured


def test_engines_and_sizes_are_measured_and_drawn(known_network, result_of, tmp_path):
    code, result = result_of(
        known_network, "--engine", "onnx", "--size", "32x48,64x64", "--rounds", "3",
        "--threads", "1", "--plot", tmp_path / "times.svg",
    )  # fmt: skip

    assert code == 0
    assert [row["size"] for row in result["rows"]] == [[32, 48], [64, 64]]
    # A 1x1 convolution of 3 channels to 3.
    assert [row["multiply_adds"] for row in result["rows"]] == [32 * 48 * 9, 64 * 64 * 9]
    assert all(0 < row["network_ms"] <= row["network_p95_ms"] for row in result["rows"])
    assert result["matrix_gflops"]["1"] > 0
    assert b"</svg>" in (tmp_path / "times.svg").read_bytes()


def test_an_engine_that_cannot_run_is_named_with_its_reason(known_network, capsys):
    code = run(known_network, "--engine", "onnx", "--precision", "bf16", "--size", "32x48")

    assert code == 1
    assert "not measured" in (out := capsys.readouterr().out)
    assert "take --engine openvino or torch" in out


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--engine", "tensorrt"], "known engines: all, onnx"),
        (["--size", "64"], "HEIGHTxWIDTH"),
        (["--size", "99999x99999"], "megapixels"),
        (["--threads", "many"], "numbers from 0 to 1024"),
        (["--plot", "times.pdf"], "written as .svg or .png"),
        (["--threads", ",".join(map(str, range(1, 30)))], "at most 24"),
    ],
)
def test_what_cannot_be_measured_is_refused_at_once(flags, reason, capsys):
    assert run(*flags) == 2
    assert reason in capsys.readouterr().err


def test_an_interruption_shows_what_was_measured(capsys, monkeypatch):
    def interrupted(plan, findings, tell):
        row = Row("m", Task("m.onnx", size=(8, 8)), network=[0.01], file=[0.02], size=(8, 8))
        findings.rows.append(row)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "run", interrupted)

    assert run("--quiet") == 130
    assert "20.0" in capsys.readouterr().out


def test_the_share_of_the_peak_is_that_of_two_operations_a_multiply_add():
    row = Row("m", Task("m.onnx", threads=1), network=[0.5, 0.5], file=[1.0], multiply_adds=10**9)
    findings = Findings([row], {1: [2 * 1536**3 / 8e9]})

    (told,) = findings.as_json()["rows"]
    assert told["gflops"] == pytest.approx(4)
    assert told["share_of_peak"] == pytest.approx(0.5)
