import json
import subprocess
import sys

import pytest

import atrous
from atrous.cli import main as main_module
from atrous.cli.main import main
from atrous.errors import WeightsError


def exit_code(*arguments):
    with pytest.raises(SystemExit) as exit_info:
        main(list(arguments))
    return exit_info.value.code


@pytest.mark.parametrize("statement", ["import atrous", "import atrous; atrous.load", "--help"])
def test_a_start_imports_no_torch(statement):
    code = (
        "from atrous.cli.main import main; import sys\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass"
        if statement == "--help"
        else statement
    )
    check = "import sys; assert not {'torch', 'torchvision', 'timm', 'onnx'} & set(sys.modules)"

    subprocess.run([sys.executable, "-c", f"{code}\n{check}"], check=True, capture_output=True)


def test_help_names_every_command(capsys):
    assert exit_code("--help") == 0

    out = capsys.readouterr().out
    for command in ("predict", "evaluate", "train", "export", "data"):
        assert command in out


def test_the_version_is_the_packages(capsys):
    assert exit_code("--version") == 0

    assert capsys.readouterr().out.strip() == atrous.__version__


@pytest.mark.parametrize("arguments", [["predict", "--bogus"], ["predct"], ["evaluate"]])
def test_wrong_usage_is_2(arguments, capsys):
    assert exit_code(*arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


def failing(error):
    def app(*_arguments, **_options):
        raise error

    return app


def test_a_known_error_is_one_line_and_its_exit_code(monkeypatch, capsys):
    monkeypatch.setattr(main_module, "app", failing(WeightsError("m.onnx: damaged")))

    assert exit_code("predict", "--json") == 4

    captured = capsys.readouterr()
    assert captured.err == "atrous: m.onnx: damaged\n"
    assert json.loads(captured.out)["error"] == "m.onnx: damaged"


def test_a_bug_is_70_and_its_details_are_in_a_file(monkeypatch, capsys):
    monkeypatch.setattr(main_module, "app", failing(ZeroDivisionError("oops")))

    assert exit_code("predict") == 70

    err = capsys.readouterr().err
    assert "this is a bug in atrous (ZeroDivisionError: oops)" in err
    log = err.split("details are in ")[1].split(",")[0]
    with open(log) as file:
        assert "Traceback" in file.read()


def test_an_interrupt_is_130(monkeypatch, capsys):
    monkeypatch.setattr(main_module, "app", failing(KeyboardInterrupt()))

    assert exit_code("predict") == 130
    assert "interrupted" in capsys.readouterr().err
