"""How commands speak: results on stdout, everything else on stderr."""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from atrous import __version__
from atrous.labels import LabelSet

_Item = TypeVar("_Item")
_SECONDS_BETWEEN_LINES = 30.0
_BAR = 24


class Terminal:
    """Where a command's words go.

    Args:
        as_json: Print one JSON object as the result, and no tables.
        quiet: Print nothing but results and failures.
    """

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self._out = Console(highlight=False, soft_wrap=True)
        self._err = Console(stderr=True, highlight=False, soft_wrap=True)
        self._progress: Progress | None = None

    def say(self, message: str) -> None:
        """Tell something in passing."""
        if not self.quiet:
            self._err.print(Text(message))

    def warn(self, message: str) -> None:
        """Tell something that the user should know, whatever the flags."""
        self._err.print(Text(f"atrous: {message}"))

    def show(self, *parts: Table | Text | str) -> None:
        """Show a result to a person; not when the result is JSON."""
        if not self.as_json:
            for part in parts:
                self._out.print(part)

    def give(self, command: str, result: dict[str, Any], *, ok: bool = True) -> None:
        """Print the one JSON object, if it was asked for."""
        if self.as_json:
            envelope = {"ok": ok, "command": command, "version": __version__, "result": result}
            print(json.dumps(envelope, allow_nan=False))

    def track(self, items: Iterable[_Item], *, total: int, what: str) -> Iterator[_Item]:
        """Pass items on and show how far it is: a bar on a terminal, else a line now and then.

        Within the items of one `track` those of another may be shown, as a bar below.
        """
        if self.quiet or total <= 1:
            yield from items
        elif self._progress:
            task = self._progress.add_task(what, total=total)
            try:
                yield from self._progress.track(items, task_id=task)
            finally:
                self._progress.remove_task(task)
        elif self._err.is_terminal:
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            with Progress(*columns, console=self._err, transient=True) as progress:
                self._progress = progress
                try:
                    yield from progress.track(items, total=total, description=what)
                finally:
                    self._progress = None
        else:
            yield from self._lines(items, total, what)

    @contextlib.contextmanager
    def meter(self) -> Iterator["Meter"]:
        """Show one long run: a bar on a terminal, else a line now and then."""
        if self.quiet or not self._err.is_terminal:
            yield Meter(None, quiet=self.quiet)
            return
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=self._err) as progress:
            yield Meter(progress, quiet=False)

    @contextlib.contextmanager
    def transfer(self, what: str) -> Iterator[Callable[[int, int | None], None]]:
        """Show how much of a file has come: a bar on a terminal, else nothing.

        Call what it gives with the bytes that are there, and with how many there will be.
        """
        if self.quiet or not self._err.is_terminal:
            yield lambda _there, _total: None
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=self._err, transient=True) as progress:
            task = progress.add_task(what, total=None)
            yield lambda there, total: progress.update(task, completed=there, total=total)

    def _lines(self, items: Iterable[_Item], total: int, what: str) -> Iterator[_Item]:
        begun = told = time.monotonic()
        step = max(total // 10, 1)
        for index, item in enumerate(items):
            yield item
            done, now = index + 1, time.monotonic()
            if done % step == 0 or done == total or now - told > _SECONDS_BETWEEN_LINES:
                told = now
                left = round((now - begun) / done * max(total - done, 0))
                print(f"{what} {done}/{total}, {timedelta(seconds=left)} left", file=sys.stderr)


class Meter:
    """How far a long run is.

    Args:
        progress: The bar; None to print lines.
        quiet: Print nothing at all.
    """

    def __init__(self, progress: Progress | None, *, quiet: bool) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None) if progress else None
        self._quiet = quiet
        self._told = 0.0

    def advance(self, done: int, total: int, text: str) -> None:
        """Say that ``done`` of ``total`` are done."""
        if self._progress and self._task is not None:
            self._progress.update(self._task, completed=done, total=total, description=text)
        elif done == total or time.monotonic() - self._told > _SECONDS_BETWEEN_LINES:
            self._told = time.monotonic()
            self.note(f"step {done}/{total}  {text}")

    def status(self, text: str) -> None:
        """Say what the bar stands at, where there is one."""
        if self._progress and self._task is not None:
            self._progress.update(self._task, description=text)

    def note(self, message: str) -> None:
        """Say something that stays on the screen."""
        if self._progress:
            self._progress.console.print(Text(message))
        elif not self._quiet:
            print(message, file=sys.stderr, flush=True)


def shares_table(shares: dict[str, float], label_set: LabelSet, *, title: str) -> Table:
    """A table of class shares, largest first, with each class's colour."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for header in ("", "class", "share", ""):
        table.add_column(header, justify="right" if header == "share" else "left")
    for name, share in sorted(shares.items(), key=lambda item: -item[1]):
        if share <= 0:
            continue
        red, green, blue = label_set.palette[label_set.names.index(name)]
        color = f"rgb({red},{green},{blue})"
        bar = Text("█" * max(round(_BAR * share), 1), style=color)
        table.add_row(Text("██", style=color), Text(name), f"{share:7.2%}", bar)
    return table
