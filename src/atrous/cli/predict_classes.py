"""The part of ``atrous predict`` that names whole pictures."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from atrous.cli.classifiers import needs_torch
from atrous.cli.terminal import Terminal
from atrous.errors import AtrousError
from atrous.runtime.sources import Sources

if TYPE_CHECKING:
    from atrous.models.classifier import PictureClassifier

_SOME_FAILED = 7
_IN_A_LINE = 3
"""Classes that are named of each of several pictures."""


def predict_classes(
    path: Path, sources: Sequence[str], terminal: Terminal, *, threads: int, max_pixels: int
) -> int:
    """Name what each picture shows, with the probabilities of the five likeliest classes.

    Args:
        path: The classifier's file.
        sources: Pictures, folders and patterns.
        terminal: Shows the result.
        threads: Threads for the network; 0 for one for each core.
        max_pixels: Largest height times width of a picture.

    Returns:
        The exit code: 7 if some pictures could not be used, that of their error if none could.

    Raises:
        WeightsError: If the file is damaged or does not fit its description.
        DependencyError: If torch is not installed.
        InputError: If two pictures have one name.
    """
    classifier = _load(path, threads, max_pixels)
    pictures = Sources(sources)
    failed = pictures.failed
    rows: list[dict[str, Any]] = []
    for picture in terminal.track(pictures, total=len(pictures), what="classifying"):
        try:
            rows.append(_row(classifier, picture.path))
        except AtrousError as error:
            failed.append((str(picture.path), error))
    _show(terminal, rows)
    for _, reason in failed:
        terminal.warn(str(reason))
    failures = [
        {"source": source, "error": str(reason), "exit": reason.exit_code}
        for source, reason in failed
    ]
    result = {
        "model": classifier.card.name,
        "task": classifier.card.task,
        "pictures": rows,
        "failures": failures,
    }
    terminal.give("predict", result, ok=not failures)
    codes = {reason.exit_code for _, reason in failed}
    return codes.pop() if not rows and len(codes) == 1 else _SOME_FAILED if codes else 0


def _load(path: Path, threads: int, max_pixels: int) -> "PictureClassifier":
    try:
        import torch

        from atrous.models.classifier import PictureClassifier
        from atrous.weights.model_file import load_classifier_model
    except ModuleNotFoundError as error:
        raise needs_torch(error) from None
    if threads:
        torch.set_num_threads(threads)
    return PictureClassifier(*load_classifier_model(path), max_pixels=max_pixels)


def _row(classifier: "PictureClassifier", picture: Path) -> dict[str, Any]:
    start = time.perf_counter()
    found = classifier.predict(picture)
    return {
        "source": str(picture),
        "classes": [{"name": name, "probability": share} for name, share in found.top()],
        "notes": list(found.notes),
        "seconds": round(time.perf_counter() - start, 4),
    }


def _show(terminal: Terminal, rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        for note in row["notes"]:
            terminal.warn(f"{row['source']}: {note}")
    if len(rows) == 1:
        (row,) = rows
        title = f"{row['source']}  {row['seconds']:.2f} s"
        table = Table("class", title=title, title_justify="left", box=None, pad_edge=False)
        table.add_column("probability", justify="right")
        for one in row["classes"]:
            table.add_row(Text(one["name"]), f"{one['probability']:.2%}")
        terminal.show(table)
        return
    for row in rows:
        best = (f"{one['name']} {one['probability']:.1%}" for one in row["classes"][:_IN_A_LINE])
        terminal.show(Text(f"{row['source']}  {', '.join(best)}"))
