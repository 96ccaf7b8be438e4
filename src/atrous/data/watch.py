"""Which sample each worker of a loader is at, so that one that dies or hangs can be told."""

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch.utils.data import get_worker_info

from atrous.data.sample import Pair
from atrous.errors import ResourceError

HANG_SECONDS = 600
"""For the ``timeout`` of a loader: how long a batch may take."""

_LATE, _DEAD = "timed out after", "DataLoader worker (pid"
"""What torch says in the RuntimeError of a loader that waits in vain, or whose worker died."""
_PROCESSES = r"\(pid(?:\(s\))? ([\d, ]+)\)"
_HOW = (
    r"(?:was |is )?killed by signal: [A-Z]\w*(?: \w+)*|exited unexpectedly(?: with exit code \d+)?"
)


class Watch:
    """What each worker reads, in memory that all processes share.

    Args:
        workers: Processes that read; with 0 nothing is watched, for errors come through then.
    """

    def __init__(self, workers: int) -> None:
        # Of each worker: its process, the place of the picture or -1, and since when in seconds.
        self._rows = torch.full((workers, 3), -1, dtype=torch.int64).share_memory_()

    @contextmanager
    def reading(self, place: int) -> Iterator[None]:
        """Note that this process reads the picture at a place of the split."""
        worker = get_worker_info()
        if worker is None or worker.id >= len(self._rows):
            yield
            return
        row = self._rows[worker.id]
        row[:] = torch.tensor([os.getpid(), place, int(time.monotonic())])
        try:
            yield
        finally:
            row[1] = -1

    @contextmanager
    def named(self, pairs: Sequence[Pair]) -> Iterator[None]:
        """Turn the death of a worker, or waiting for one in vain, into a sentence with its file.

        It belongs around the whole loop over batches: a death is told by a signal, which may come
        in the middle of a step.

        Args:
            pairs: The split.

        Raises:
            ResourceError: If a worker died or hangs.
        """
        self._rows[:, 1] = -1
        try:
            yield
        except RuntimeError as error:
            if _LATE in str(error):
                raise ResourceError(self._late(pairs)) from None
            if _DEAD in str(error):
                raise ResourceError(self._dead(str(error), pairs)) from None
            raise

    def _late(self, pairs: Sequence[Pair]) -> str:
        busy = sorted((since, place) for _, place, since in self._rows.tolist() if place >= 0)
        if not busy:
            return (
                "no batch came for too long, though no process reads a picture; "
                "try [data] workers = 0, which reads without processes"
            )
        seconds = time.monotonic() - busy[0][0]
        return (
            f"{pairs[busy[0][1]].image.path}: has been read for {seconds:.0f} seconds; look "
            "whether its disk answers and whether the file is damaged"
        )

    def _dead(self, message: str, pairs: Sequence[Pair]) -> str:
        processes, how = (re.search(pattern, message) for pattern in (_PROCESSES, _HOW))
        dead = {int(number) for number in processes[1].split(",")} if processes else set()
        at = [place for process, place, _ in self._rows.tolist() if process in dead and place >= 0]
        where = f" while it read {pairs[at[0]].image.path}" if at else ""
        return (
            f"a process that reads pictures {how[0] if how else 'died'}{where}. The system kills "
            "processes for lack of memory: set fewer [data] workers or a smaller batch, and see "
            "whether that picture is very large; otherwise leave the picture out"
        )
