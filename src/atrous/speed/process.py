"""A measuring process, seen from the one that it measures for."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import IO, Any, Self

from atrous.errors import ConfigError, ResourceError

WORKER = (sys.executable, "-P", "-m", "atrous.speed.worker")
"""-P: a folder named atrous where the command was typed is not ours."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Worker:
    """A process that answers lines with lines of JSON.

    Args:
        first: The first line that it is given.
        threads: For the libraries that read their number from the environment.
        settings: Others of the environment.
        command: What to start.

    Raises:
        ConfigError: If it refuses what it is told, with its reason.
        ResourceError: If it ends without an answer.
    """

    def __init__(
        self,
        first: str,
        *,
        threads: int,
        settings: Mapping[str, str] | None = None,
        command: Sequence[str] = WORKER,
    ) -> None:
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - until `close`
        environment = os.environ | dict.fromkeys(_THREADS, str(threads)) | dict(settings or {})
        self._process = subprocess.Popen(  # noqa: S603 - a program of ours
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
            text=True,
            # An interruption is for the process that people see; it ends this one.
            start_new_session=True,
        )
        try:
            self.facts = self.ask(first)
        except BaseException:
            self.close()
            raise

    def ask(self, line: str) -> Mapping[str, Any]:
        """Its answer to a line."""
        answer = ""
        if self._process.stdin and self._process.stdout:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if not answer:
            raise ResourceError(self._last_words())
        reply: dict[str, Any] = json.loads(answer)
        if "refused" in reply:
            raise ConfigError(reply["refused"])
        return reply

    def _last_words(self) -> str:
        code = self._process.wait()
        if code < 0:
            return f"ended by signal {-code}, as it happens where memory is short"
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return f"ended without an answer ({lines[-1][:200] if lines else f'exit code {code}'})"

    def close(self) -> None:
        """End it."""
        self._process.kill()
        with self._process:  # closes its pipes, and waits
            pass
        self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
