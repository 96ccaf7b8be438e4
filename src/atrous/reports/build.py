"""From what was counted to a report, and to the folder that holds it."""

import csv
import datetime
import io
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path

import numpy as np

from atrous import __version__
from atrous.engine.evaluate import Watcher
from atrous.engine.fingerprint import Fingerprint
from atrous.errors import ResourceError
from atrous.imaging import write_file
from atrous.labels import LabelSet
from atrous.metrics.bootstrap import mean_iou_interval
from atrous.metrics.confusion import ConfusionMatrix
from atrous.metrics.scores import iou_of, mean_iou_of, ratio
from atrous.reports.collect import (
    Bad,
    Boundaries,
    Calibrations,
    ObjectSizes,
    Pictures,
    Worst,
)
from atrous.reports.html import render
from atrous.reports.report import (
    FILE_NAME,
    Boundary,
    ClassScores,
    Convention,
    DataFacts,
    Epoch,
    ModelFacts,
    Picture,
    Published,
    Reliability,
    Report,
    Scores,
    SizeBin,
    write_report,
)
from atrous.runtime.machine import processor_name

_PACKAGES = ("numpy", "opencv-python-headless", "onnxruntime", "pillow", "torch")


@dataclass(frozen=True)
class Collected:
    """Everything that looks on while a split is measured for a report."""

    pictures: Pictures
    fingerprint: Fingerprint
    sizes: ObjectSizes | None
    worst: Worst | None
    boundaries: Boundaries | None
    calibrations: Calibrations | None

    @property
    def watchers(self) -> list[Watcher]:
        """All of them."""
        always: list[Watcher] = [self.pictures, self.fingerprint]
        asked = (self.sizes, self.worst, self.boundaries, self.calibrations)
        return always + [watcher for watcher in asked if watcher is not None]


def collected(
    label_set: LabelSet, *, details: bool, boundary: bool, calibration: bool
) -> Collected:
    """Empty collections, ready to look on.

    Args:
        label_set: Of the data.
        details: Whether object sizes and the worst pictures are wanted, for a page.
        boundary: Whether boundaries are measured.
        calibration: Whether probabilities will be given, and are measured.
    """
    return Collected(
        Pictures(),
        Fingerprint(),
        ObjectSizes(label_set) if details else None,
        Worst(label_set) if details else None,
        Boundaries(label_set) if boundary else None,
        Calibrations(label_set.ignore_index) if calibration else None,
    )


def build_report(
    matrix: ConfusionMatrix,
    label_set: LabelSet,
    found: Collected,
    *,
    model: ModelFacts,
    split: str,
    convention: Convention,
    published: Sequence[Published] = (),
    learning: Sequence[Epoch] = (),
) -> Report:
    """Put together what was found.

    Args:
        matrix: Of the whole split.
        label_set: Of the data.
        found: What looked on.
        model: What was measured.
        split: Which split.
        convention: How it was measured.
        published: Numbers to compare with.
        learning: How the model was trained.
    """
    pictures = found.pictures.rows
    return Report(
        version=__version__,
        made=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        model=model,
        data=DataFacts(
            split=split, images=len(pictures), fingerprint=found.fingerprint.hexdigest()
        ),
        convention=convention,
        scores=_scores(matrix, found),
        classes=_classes(matrix, label_set, found.boundaries),
        confusion=_rows(matrix.counts),
        void=tuple(matrix.void.tolist()),
        boundary=_boundary(found.boundaries) if found.boundaries else None,
        sizes=_sizes(found.sizes) if found.sizes else (),
        reliability=_reliability(found.calibrations) if found.calibrations else (),
        published=tuple(published),
        learning=tuple(learning),
        environment=environment(),
        pictures=tuple(pictures),
    )


def check_folder(folder: Path) -> None:
    """Refuse a place that holds something, before hours of measuring.

    Raises:
        ResourceError: If it is there and not an empty folder.
    """
    try:
        taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    except OSError as error:
        raise ResourceError(f"{folder}: cannot be looked into ({error.strerror})") from None
    if taken:
        raise ResourceError(f"{folder}: is there already; a report goes into a folder of its own")


def write_folder(folder: Path, report: Report, worst: Sequence[Bad]) -> None:
    """Write ``report.json``, ``images.csv`` and ``report.html``.

    Args:
        folder: A new one, see `check_folder`.
        report: What was found.
        worst: The worst pictures, the worst first.

    Raises:
        ResourceError: If one is there already, or cannot be written.
    """
    page = render(report, worst).encode()
    table = images_csv(report).encode()
    write_report(folder / FILE_NAME, report)
    write_file(folder / "images.csv", lambda file: file.write(table))
    write_file(folder / "report.html", lambda file: file.write(page))


def write_page(run: Path, report: Report, worst: Sequence[Bad]) -> Path:
    """Write ``report.json`` and ``report.html`` into a run folder, over those of before.

    Returns:
        The page.

    Raises:
        ResourceError: If they cannot be written.
    """
    page = render(report, worst).encode()
    write_report(run / FILE_NAME, report, overwrite=True)
    write_file(run / "report.html", lambda file: file.write(page), overwrite=True)
    return run / "report.html"


def images_csv(report: Report) -> str:
    """A line for each picture: name, accuracy, mean IoU, seconds and the class it does worst."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("name", "pixel_accuracy", "mean_iou", "seconds", "worst_class"))
    for picture in report.pictures:
        counts = report.counts_of(picture)
        # Every counted pixel has one prediction, so that predicted ones are all that were counted.
        accuracy = float(ratio(counts[0].sum(), counts[2].sum()))
        mean_iou = float(mean_iou_of(counts))
        scores = ("" if np.isnan(value) else f"{value:.6f}" for value in (accuracy, mean_iou))
        writer.writerow(
            (picture.name, *scores, f"{picture.seconds:.4f}", _worst_class(report, picture))
        )
    return text.getvalue()


def _worst_class(report: Report, picture: Picture) -> str:
    """Of the classes labelled in the picture the one with the lowest IoU."""
    counts = report.counts_of(picture)
    iou = np.where(counts[1] > 0, iou_of(counts), np.inf)
    return report.classes[int(iou.argmin())].name if np.isfinite(iou).any() else ""


def environment() -> dict[str, str]:
    """On what it ran: versions, processor, cores."""
    found = {
        "atrous": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": processor_name(),
        "cores": str(os.cpu_count()),
    }
    for package in _PACKAGES:
        try:
            found[package] = installed_version(package)
        except PackageNotFoundError:
            continue
    return found


def _scores(matrix: ConfusionMatrix, found: Collected) -> Scores:
    counts = np.zeros((len(found.pictures.rows), 3, matrix.num_classes), np.int64)
    for row, picture in zip(counts, found.pictures.rows, strict=True):
        for index, values in picture.counts.items():
            row[:, index] = values
    interval = mean_iou_interval(counts)
    calibrations = found.calibrations
    return Scores(
        mean_iou=matrix.mean_iou(),
        low=interval.low,
        high=interval.high,
        level=interval.level,
        pixel_accuracy=matrix.pixel_accuracy(),
        mean_class_accuracy=matrix.mean_class_accuracy(),
        frequency_weighted_iou=matrix.frequency_weighted_iou(),
        mean_dice=matrix.mean_dice(),
        calibration_error=calibrations.calibration.error() if calibrations else None,
    )


def _classes(
    matrix: ConfusionMatrix, label_set: LabelSet, boundaries: Boundaries | None
) -> tuple[ClassScores, ...]:
    near = boundaries.iou.iou() if boundaries else np.full(matrix.num_classes, np.nan)
    columns = (matrix.iou(), matrix.dice(), matrix.class_accuracy(), matrix.counts.sum(1), near)
    return tuple(
        ClassScores(
            name=name,
            color=color,
            iou=float(iou),
            dice=float(dice),
            accuracy=float(accuracy),
            pixels=int(pixels),
            boundary_iou=float(boundary_iou),
        )
        for name, color, iou, dice, accuracy, pixels, boundary_iou in zip(
            label_set.names, label_set.palette, *columns, strict=True
        )
    )


def _rows(counts: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(row) for row in counts.tolist())


def _boundary(found: Boundaries) -> Boundary:
    return Boundary(
        widths=found.around_void.widths,
        around_void=tuple(found.around_void.curve()),
        around_classes=tuple(found.around_classes.curve()),
        boundary_iou=found.iou.mean(),
        tolerances=found.f_score.tolerances,
        f_scores=tuple(found.f_score.means()),
    )


def _sizes(found: ObjectSizes) -> tuple[SizeBin, ...]:
    means = ratio(found.sums, found.objects)
    return tuple(
        SizeBin(side=side, objects=int(count), iou=float(iou))
        for side, count, iou in zip(found.SIDES, found.objects, means, strict=True)
    )


def _reliability(found: Calibrations) -> tuple[Reliability, ...]:
    confidence, accuracy = found.calibration.reliability()
    return tuple(
        Reliability(pixels=int(pixels), confidence=float(sure), accuracy=float(right))
        for pixels, sure, right in zip(
            found.calibration.counts[0], confidence, accuracy, strict=True
        )
    )
