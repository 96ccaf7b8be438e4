"""Writes the kinds of output that a run was asked for."""

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from atrous.errors import ResourceError
from atrous.runtime.outputs import OUTPUTS
from atrous.runtime.outputs.description import DESCRIPTION
from atrous.runtime.outputs.output import Item, Job


class OutputWriter:
    """Files of pictures as they come, and files of the run when it is over.

    A context manager. Files of the run are opened at the first picture, hold those that were
    added, and are at their places when the block is left well; otherwise they are gone.

    Args:
        job: Kinds, folder and settings.

    Raises:
        ResourceError: If a file of the run is there already and may not be replaced.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self._files = contextlib.ExitStack()
        self._adders: list[Callable[[Item], None]] | None = None
        self._one_at_a_time = threading.Lock()
        for path in self.run_files().values():
            if path.exists() and not job.overwrite:
                raise ResourceError(f"{path} is there already; --overwrite replaces it")

    def run_files(self) -> dict[str, Path]:
        """The main file of the run by kind, for kinds that have one."""
        return {
            kind: self.job.out / next(iter(OUTPUTS[kind].run))
            for kind in self.job.kinds
            if OUTPUTS[kind].run and next(iter(OUTPUTS[kind].run)) != DESCRIPTION
        }

    def files_for(self, name: str, source: Path) -> dict[str, Path]:
        """The files of one picture by kind.

        Args:
            name: Where its results go below the output folder, without an ending.
            source: The picture.
        """
        return {
            kind: OUTPUTS[kind].place(name, source, self.job.out)
            for kind in self.job.kinds
            if OUTPUTS[kind].write
        }

    def write(self, item: Item, files: dict[str, Path]) -> None:
        """Write one picture's files, then add it to those of the run. Safe in several threads.

        Args:
            item: The picture and its segmentation.
            files: Where each kind goes, as `files_for` says.

        Raises:
            ResourceError: If a file is there and may not be replaced, or cannot be written.
        """
        for kind, path in files.items():
            write = OUTPUTS[kind].write
            if write:
                write(path, item, self.job)
        with self._one_at_a_time:
            for add in self._opened():
                add(item)

    def _opened(self) -> list[Callable[[Item], None]]:
        if self._adders is None:
            wanted = {
                name: run for kind in self.job.kinds for name, run in OUTPUTS[kind].run.items()
            }
            with contextlib.ExitStack() as opened:
                self._adders = [
                    opened.enter_context(open_run(self.job.out / name, self.job))
                    for name, open_run in wanted.items()
                ]
                # Only once all could be opened: what fails here is tried again and not left half.
                self._files = opened.pop_all()
        return self._adders

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return self._files.__exit__(kind, error, trace)
