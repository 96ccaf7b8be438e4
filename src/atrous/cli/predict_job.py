"""What ``atrous predict`` does once its flags are understood."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from atrous.cli.predict_outputs import Wanted
from atrous.cli.terminal import Terminal, shares_table
from atrous.errors import AtrousError, InputError, ResourceError
from atrous.labels import LabelSet
from atrous.runtime.outputs.writer import OutputWriter
from atrous.runtime.predictor import Predictor
from atrous.runtime.result import Segmentation
from atrous.runtime.sources import FoundPicture, distinct_names, find_pictures

_SOME_FAILED = 7


@dataclass
class _Outcome:
    """What became of the pictures."""

    done: list[dict[str, Any]] = field(default_factory=list)
    failed: list[tuple[str, AtrousError]] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        if not self.failed:
            return 0
        codes = {error.exit_code for _, error in self.failed}
        return codes.pop() if not self.done and len(codes) == 1 else _SOME_FAILED


@dataclass(frozen=True)
class Job:
    """What is asked for, beside the model."""

    sources: tuple[str, ...]
    """Pictures, folders and patterns."""
    out: Path
    """A folder, or a file for one picture and one kind."""
    wanted: Wanted
    """What is written of each picture."""


def run_job(job: Job, predictor: Predictor, terminal: Terminal) -> int:
    """Segment every picture, tell what became of each, and give the command's exit code.

    Raises:
        ConfigError: If results of several pictures or kinds should go to one file.
        InputError: If two pictures' results would have the same names.
        ResourceError: If the folder for the results cannot be made.
    """
    writer = OutputWriter(job.wanted.for_model(predictor.card, job.out))
    outcome = _Outcome()
    pictures = _gather(job, outcome)
    file_out = job.wanted.goes_to_file(job.out, len(pictures))
    made_folder = bool(pictures) and not file_out and _make_folder(job.out)
    with writer:
        for picture in terminal.track(pictures, total=len(pictures), what="segmenting"):
            name = picture.name.as_posix()
            files = file_out or writer.files_for(name, picture.path)
            try:
                result = _segment(predictor, picture, files, job.wanted)
                writer.write(job.wanted.item(name, picture.path, result), files)
            except AtrousError as error:
                outcome.failed.append((str(picture.path), error))
                continue
            outcome.done.append(_row(picture, result, {**files, **writer.run_files()}))
    if made_folder and not outcome.done:
        with contextlib.suppress(OSError):
            job.out.rmdir()
    _report(terminal, outcome, predictor)
    return outcome.exit_code


def _gather(job: Job, outcome: _Outcome) -> tuple[FoundPicture, ...]:
    found: list[FoundPicture] = []
    for source in job.sources:
        try:
            found += find_pictures(source, leave_out=job.out)
        except InputError as error:
            outcome.failed.append((source, error))
    return distinct_names(found) if found else ()


def _make_folder(out: Path) -> bool:
    """Whether the folder had to be made; fails before anything is computed if it cannot be."""
    there = out.is_dir()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise ResourceError(f"{out}: is a file; results need a folder") from None
    except OSError as error:
        raise ResourceError(f"{out}: cannot be made ({error.strerror})") from None
    return not there


def _segment(
    predictor: Predictor, picture: FoundPicture, files: Mapping[str, Path], wanted: Wanted
) -> Segmentation:
    there = [path for path in files.values() if path.exists()]
    if there and not wanted.overwrite:
        raise ResourceError(f"{there[0]} is there already; --overwrite replaces it")
    return wanted.filtered(predictor.predict(picture.path, detail=wanted.detail))


def _row(picture: FoundPicture, result: Segmentation, files: dict[str, Path]) -> dict[str, Any]:
    height, width = result.mask.shape
    return {
        "source": str(picture.path),
        "height": height,
        "width": width,
        "shares": result.shares,
        "files": {kind: str(path) for kind, path in files.items()},
        "notes": list(result.notes),
        "seconds": round(result.seconds, 4),
    }


def _report(terminal: Terminal, outcome: _Outcome, predictor: Predictor) -> None:
    for row in outcome.done:
        for note in row["notes"]:
            terminal.warn(f"{row['source']}: {note}")
    if outcome.done:
        _show_shares(terminal, outcome.done, predictor.label_set)
    for _, error in outcome.failed:
        terminal.warn(str(error))
    total = len(outcome.failed) + len(outcome.done)
    if outcome.failed and total > 1:
        terminal.warn(f"{len(outcome.failed)} of {total} could not be segmented")
    failures = [
        {"source": source, "error": str(error), "exit": error.exit_code}
        for source, error in outcome.failed
    ]
    result = {"model": predictor.card.name, "pictures": outcome.done, "failures": failures}
    terminal.give("predict", result, ok=not failures)


def _show_shares(terminal: Terminal, rows: list[dict[str, Any]], label_set: LabelSet) -> None:
    if len(rows) == 1:
        row = rows[0]
        title = f"{row['source']}  {row['width']} x {row['height']}  {row['seconds']:.2f} s"
        terminal.show(shares_table(row["shares"], label_set, title=title))
        terminal.show(*(f"{kind:8} {path}" for kind, path in row["files"].items()))
        return
    pixels = sum(row["width"] * row["height"] for row in rows)
    shares = {
        name: sum(row["shares"][name] * row["width"] * row["height"] for row in rows) / pixels
        for name in label_set.names
    }
    seconds = sum(row["seconds"] for row in rows)
    title = f"{len(rows)} pictures, {seconds / len(rows):.2f} s each for network and mask"
    terminal.show(shares_table(shares, label_set, title=title))
