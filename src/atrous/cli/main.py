"""The command ``atrous``."""

import io
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from atrous import __version__
from atrous.errors import AtrousError

_BUG = 70
_USAGE = 2
_NO_RESOURCES = 6
_INTERRUPTED = 130

app = App(
    name="atrous",
    help="Semantic segmentation with DeepLab V3+: from a photo to a mask.",
    version=__version__,
)
# Commands are named, not imported, so that each start pays only for what it uses.
for _name, _help in (
    ("predict", "Segment pictures: masks, overlays and each class's share."),
    ("evaluate", "Measure a model on labelled pictures."),
    ("compare", "Hold two reports of evaluate against each other."),
    ("train", "Train a model on labelled pictures."),
    ("benchmark", "Measure how fast models are on this machine."),
    ("tune", "Find the settings that suit your pictures, machine and limits."),
    ("doctor", "Show what this machine has, and whether the engines work."),
    ("export", "Write a trained model for another runtime: ONNX, OpenVINO and others."),
):
    app.command(f"atrous.cli.{_name}:{_name}", name=_name, help=_help)
app.command("atrous.cli.data:app", name="data", help="Check datasets, and look at them.")
app.command("atrous.cli.model:app", name="model", help="Look into models; convert published ones.")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; every failure becomes one sentence and an exit code.

    Args:
        arguments: As typed; None for those of the process.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files need not be text
        sys.stdout.reconfigure(errors="backslashreplace")
    if given[:1] == ["predict"]:  # to cyclopts a lone hyphen is an option
        given = ["/dev/stdin" if argument == "-" else argument for argument in given]
    sys.exit(_run(given))


def _run(given: list[str]) -> int:
    try:
        code = app(given, result_action="return_value", exit_on_error=False, print_error=True)
    except AtrousError as error:
        return _fail(str(error), error.exit_code, given)
    except CycloptsError:
        return _USAGE  # cyclopts has said what is wrong
    except (KeyboardInterrupt, BrokenPipeError, MemoryError) as error:
        return _stop(error, given)
    except Exception as error:
        return _report_bug(error, given)
    return code if isinstance(code, int) else 0


def _stop(error: BaseException, given: list[str]) -> int:
    """What comes from outside and is nobody's mistake."""
    if isinstance(error, BrokenPipeError):
        # The reader of our output has gone, such as `head`; Python must not complain at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, KeyboardInterrupt):
        return _fail("interrupted", _INTERRUPTED, given)
    return _fail("not enough memory", _NO_RESOURCES, given)


def _fail(message: str, code: int, given: list[str]) -> int:
    print(f"atrous: {message}", file=sys.stderr)
    if "--json" in given:
        print(json.dumps({"ok": False, "version": __version__, "error": message, "exit": code}))
    return code


def _report_bug(error: Exception, given: list[str]) -> int:
    with tempfile.NamedTemporaryFile(
        "w", prefix="atrous-bug-", suffix=".log", delete=False
    ) as file:
        file.write(f"atrous {__version__}, {sys.version}\n{given}\n\n")
        traceback.print_exception(error, file=file)
    return _fail(
        f"this is a bug in atrous ({type(error).__name__}: {error}); the details are in "
        f"{file.name}, please report it with them",
        _BUG,
        given,
    )


if __name__ == "__main__":
    main()
