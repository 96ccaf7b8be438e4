"""Text that outputs are written as."""

import json
from pathlib import Path
from typing import Any

from atrous.imaging import write_file
from atrous.runtime.outputs.output import Job


def json_bytes(content: Any) -> bytes:
    """JSON on one line; half characters, which names of files may have, are escaped."""
    return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()


def write_json(path: Path, content: Any, job: Job) -> None:
    """Write JSON, whole or not at all."""
    write_text(path, json_bytes(content), job)


def write_text(path: Path, content: bytes, job: Job) -> None:
    """Write a text, whole or not at all."""
    write_file(path, lambda file: file.write(content), overwrite=job.overwrite)


def quoted(text: str) -> str:
    """A text in double quotes for JSON, TOML and YAML, in single ones if it holds double ones."""
    if '"' in text and not set(text) & {"'", "\n"}:
        return f"'{text}'"
    return json.dumps(text, ensure_ascii=False)
