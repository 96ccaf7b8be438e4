"""Which sample each worker of a loader is at, so that one that dies or hangs can be told."""

import multiprocessing
import os
import re
import signal
import sys
import threading
import time
import traceback
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
_HOW = (
    r"(?:was |is )?killed by signal: [A-Z]\w*(?: \w+)*|exited unexpectedly(?: with exit code \d+)?"
)
_DYING_SECONDS = 0.5
"""From the first sign of a worker's death to its end."""


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
        except (RuntimeError, OSError, EOFError) as error:
            with _deaf_to_deaths():
                sentence = self._explain(error, pairs)
                if sentence is None:
                    raise
                # The loader's iterator goes, which the error holds on to: while it is there, torch
                # raises anew whenever some process ends, wherever the program is by then.
                traceback.clear_frames(error.__traceback__)
                error.__traceback__ = None
            raise ResourceError(sentence) from None

    def _explain(self, error: Exception, pairs: Sequence[Pair]) -> str | None:
        """The sentence for an error that comes from a worker's death or silence; None for others.

        A worker that dies while its last batch is handed over shows as an error of a connection.
        """
        message = str(error)
        if _LATE in message:
            return self._late(pairs)
        told = _DEAD in message
        places = self._left_by_the_dead(patience=0.0 if told else _DYING_SECONDS)
        if not told and not places:
            return None
        how = re.search(_HOW, message)
        where = f" while it read {pairs[places[0]].image.path}" if places else ""
        return (
            f"a process that reads pictures {how[0] if how else 'died'}{where}. The system kills "
            "processes for lack of memory: set fewer [data] workers or a smaller batch, and see "
            "whether that picture is very large; otherwise leave the picture out"
        )

    def _left_by_the_dead(self, *, patience: float) -> list[int]:
        """Places at which processes ended; ``patience`` is how many seconds one may take to end."""
        until = time.monotonic() + patience
        while True:
            alive = {child.pid for child in multiprocessing.active_children()}
            rows = self._rows.tolist()
            places = [place for process, place, _ in rows if place >= 0 and process not in alive]
            if places or time.monotonic() >= until:
                return places
            time.sleep(0.01)

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


@contextmanager
def _deaf_to_deaths() -> Iterator[None]:
    """Keep torch from being told that a process ended; only the main thread ever is."""
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before or signal.SIG_DFL)
