"""SIGINT and SIGTERM: finish the step and save, and if the step is long, save without it."""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

EXIT_CODE = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SAME = 1.0
"""Seconds in which a second signal is taken for the first one: a terminal and a launcher both pass
Ctrl-C on."""
_TICK = 0.1
_CLOSE = 0


class Interruption:
    """Hears the signals that ask a run to end, for as long as it is entered.

    The first signal sets `asked`, which the run looks at between steps. If the run has not ended
    ``grace`` seconds later, because a step or the evaluation of a large picture takes longer, a
    thread calls ``save`` and ends the process. The weights do not change within a step until its
    gradients are complete, so that the state before the step is there to be saved; whoever does
    change it holds `busy`. A second signal ends the process at once. In another thread than the
    main one no signals can be heard, and nothing is done.

    Args:
        save: Saves the state before the step that is under way; called with `busy` held.
        grace: Seconds that a run has to come to the end of its step.
    """

    def __init__(self, save: Callable[[], None], *, grace: float = 4.0) -> None:
        self.busy = threading.RLock()
        self._save = save
        self._grace = grace
        self._asked = threading.Event()
        self._old: dict[int, object] = {}

    @property
    def asked(self) -> bool:
        """Whether a signal has come."""
        return self._asked.is_set()

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._reader, self._writer = socket.socketpair()
            self._writer.setblocking(False)
            # The C level writes each signal's number there, even while Python waits for torch.
            self._old_fd = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
            self._old = {number: signal.signal(number, _noted) for number in _SIGNALS}
            self._thread = threading.Thread(target=self._listen, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._old:
            return
        for number, handler in self._old.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        signal.set_wakeup_fd(self._old_fd)
        self._writer.send(bytes([_CLOSE]))
        self._thread.join()
        self._reader.close()
        self._writer.close()

    def _listen(self) -> None:
        number = self._next(None)
        if number == _CLOSE:
            return
        self._asked.set()
        heard = time.monotonic()
        while True:
            number, waited = self._next(_TICK), time.monotonic() - heard
            if number == _CLOSE:
                return
            if number and waited > _SAME:
                os._exit(EXIT_CODE)
            if waited > self._grace and self.busy.acquire(blocking=False):
                break
        try:
            self._save()
        finally:
            os._exit(EXIT_CODE)

    def _next(self, seconds: float | None) -> int | None:
        """The next signal that we listen to, or _CLOSE; None if none came in time."""
        self._reader.settimeout(seconds)
        with contextlib.suppress(TimeoutError):
            while True:
                number = self._reader.recv(1)[0]
                if number in (*_SIGNALS, _CLOSE):  # others too have handlers, such as SIGCHLD
                    return number
        return None


def _noted(number: int, frame: object) -> None:
    """Stands in for Python's own handlers; the listener has heard it already."""
