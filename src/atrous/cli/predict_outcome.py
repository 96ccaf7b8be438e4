"""What became of the pictures of ``atrous predict``, added up and told."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atrous.cli.terminal import Terminal, shares_table
from atrous.errors import AtrousError
from atrous.runtime.card import ModelCard

_SOME_FAILED = 7


@dataclass(frozen=True)
class Result:
    """What became of one picture."""

    source: Path
    row: Mapping[str, Any] | None = None
    """What was written; None if nothing was."""
    error: AtrousError | None = None
    """Why nothing was written, or not all."""
    skipped: bool = False
    """Whether an earlier run had finished it."""

    @property
    def line(self) -> dict[str, Any]:
        """What a manifest says of it."""
        told = {"error": str(self.error), "exit": self.error.exit_code} if self.error else {}
        return {**(self.row or {}), **told}


@dataclass
class Outcome:
    """Sums over all pictures; the pictures themselves are kept only for ``--json``."""

    terminal: Terminal
    card: ModelCard
    done: int = 0
    failed: int = 0
    skipped: int = 0
    """Pictures that an earlier run had finished."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    _exits: set[int] = field(default_factory=set)
    _pixels: Counter[str] = field(default_factory=Counter)
    _all_pixels: int = 0
    """With those that have no class."""
    _seconds: float = 0.0
    _only: Mapping[str, Any] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0; the one code of all failures if nothing was done; 7 if something was."""
        if not self._exits:
            return 0
        alone = not self.done and not self.skipped and len(self._exits) == 1
        return next(iter(self._exits)) if alone else _SOME_FAILED

    def add(self, result: Result) -> None:
        """Count a picture, and tell what the user should know of it."""
        source = str(result.source)
        self.skipped += result.skipped
        if result.row is not None:
            self._count(source, result.row)
        if result.error is not None:
            self.fail(source, result.error)

    def fail(self, source: str, error: AtrousError) -> None:
        """Count and tell a failure."""
        self.failed += 1
        self._exits.add(error.exit_code)
        self.terminal.warn(str(error))
        if self.terminal.as_json:
            self.failures.append({"source": source, "error": str(error), "exit": error.exit_code})

    def report(self) -> None:
        """Tell the sums."""
        if self.done:
            self._show_shares()
        if self.skipped:
            self.terminal.say(f"{self.skipped} were finished before and skipped")
        total = self.failed + self.done + self.skipped
        if self.failed and total > 1:
            self.terminal.warn(f"{self.failed} of {total} could not be segmented")
        result = {
            "model": self.card.name,
            "pictures": self.rows,
            "failures": self.failures,
            "skipped": self.skipped,
        }
        self.terminal.give("predict", result, ok=not self.failed)

    def _count(self, source: str, row: Mapping[str, Any]) -> None:
        for note in row["notes"]:
            self.terminal.warn(f"{source}: {note}")
        self.done += 1
        self._only = {"source": source, **row}
        self._seconds += row["seconds"]
        pixels = row["height"] * row["width"] * row.get("frames", 1)
        self._all_pixels += pixels
        self._pixels.update({name: share * pixels for name, share in row["shares"].items()})
        if self.terminal.as_json:
            self.rows.append({"source": source, **row})

    def _show_shares(self) -> None:
        shares = {name: self._pixels[name] / self._all_pixels for name in self.card.classes}
        if self.done > 1:
            title = f"{self.done} sources, {self._seconds / self.done:.2f} s each"
            self.terminal.show(shares_table(shares, self.card.label_set, title=title))
            return
        row = self._only
        frames = f"  {row['frames']} frames" if "frames" in row else ""
        title = f"{row['source']}  {row['width']} x {row['height']}{frames}  {row['seconds']:.2f} s"
        self.terminal.show(shares_table(shares, self.card.label_set, title=title))
        self.terminal.show(*(f"{kind:8} {path}" for kind, path in row["files"].items()))
