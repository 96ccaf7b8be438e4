"""``atrous predict -``: one picture from stdin, one output to stdout."""

import io
import shutil
import sys
import tempfile
from pathlib import Path

from atrous.bands import read_pixels
from atrous.cli.predict_job import Job
from atrous.cli.terminal import Terminal
from atrous.errors import ConfigError, InputError
from atrous.runtime.outputs import OUTPUTS

STREAM = "/dev/stdin"
"""What stands for stdin among the sources; `atrous.cli.main` makes it of a hyphen."""
_MAX_BYTES = 256 << 20
_NAME = "standard input"


def run_stream(job: Job, out: Path | None, *, as_json: bool) -> int:
    """Segment the picture on stdin; nothing but the one output goes to stdout.

    Raises:
        ConfigError: If other sources or options are given that do not fit.
        InputError: If there is no picture on stdin, or too large a one.
    """
    _check(job, out, as_json=as_json)
    content = sys.stdin.buffer.read(_MAX_BYTES + 1)
    if not content:
        raise InputError(f"{_NAME}: is empty, expected a picture")
    if len(content) > _MAX_BYTES:
        raise InputError(f"{_NAME}: more than {_MAX_BYTES >> 20} MiB; give the picture as a file")
    predictor = job.load()
    kind_of_pixels = predictor.card.preprocessing.kind
    picture = read_pixels(
        io.BytesIO(content), kind_of_pixels, max_pixels=predictor.max_pixels, name=_NAME
    )
    terminal = Terminal(as_json=False, quiet=True)
    for note in picture.notes:
        terminal.warn(f"{_NAME}: {note}")
    result = job.wanted.filtered(predictor.predict(picture.pixels, detail=job.wanted.detail))
    item = job.wanted.item("stdin", Path("stdin.png"), result)
    (kind,) = job.wanted.kinds
    if out is not None:
        file = job.wanted.goes_to_file(out, 1)
        job.writer(predictor).write(item, file or {kind: out})
        return 0
    with tempfile.TemporaryDirectory(prefix="atrous-") as folder:
        written = Path(folder) / f"stdin{OUTPUTS[kind].single[0]}"
        job.writer(predictor).write(item, {kind: written})
        with written.open("rb") as file_written:
            shutil.copyfileobj(file_written, sys.stdout.buffer)
    sys.stdout.buffer.flush()
    return 0


def _check(job: Job, out: Path | None, *, as_json: bool) -> None:
    if len(job.sources) > 1:
        raise ConfigError("- is one picture from stdin; give no other sources beside it")
    if len(job.wanted.kinds) > 1:
        raise ConfigError("- gives one output; choose one kind with --as")
    (kind,) = job.wanted.kinds
    if not OUTPUTS[kind].single:
        single = ", ".join(name for name, output in OUTPUTS.items() if output.single)
        raise ConfigError(f"--as {kind} needs a folder; - gives one of {single}")
    if as_json or job.manifest or job.ray:
        raise ConfigError(
            "- writes a picture and nothing else; --json, --manifest and --ray do not fit"
        )
    if out is None and sys.stdout.isatty():
        raise ConfigError("- would write a picture to the terminal; send it on with > or |, or -o")
