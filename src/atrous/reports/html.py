"""``report.html``: an evaluation as a page for people."""

from collections.abc import Sequence

import numpy as np

from atrous.reports.charts import bars, css_color, curves, matrix, percent
from atrous.reports.collect import Bad
from atrous.reports.page import facts, headline, page, paragraph, section, table, tiles, views
from atrous.reports.report import Boundary, Report

_MOST_CELLS = 40
"""Classes up to which the whole confusion matrix is drawn."""
_PAIRS = 15
_VIEWS = ("picture", "truth", "prediction", "errors")


def render(report: Report, worst: Sequence[Bad]) -> str:
    """The page as text.

    Args:
        report: What was found.
        worst: The worst pictures, the worst first.
    """
    sections = (
        _headline(report),
        _published(report),
        section("Classes", _class_bars(report)),
        section("What is taken for what", _confusions(report)),
        section("Along boundaries", _boundaries(report.boundary) if report.boundary else ""),
        section("Small and large objects", _sizes(report)),
        section("Is it as sure as it is right", _reliability(report)),
        section("Learning", _learning(report)),
        section("Worst pictures", _worst(worst)),
        section("Time", _timing(report)),
        section("Data and environment", _environment(report)),
    )
    return page(f"{report.model.name}: {percent(report.scores.mean_iou)} mIoU", "".join(sections))


def _headline(report: Report) -> str:
    scores = report.scores
    interval = (
        f"{scores.level:.0%} interval {percent(scores.low)} to {percent(scores.high)}, by drawing "
        f"the {report.data.images} pictures again; frames of one video are alike, and make the "
        "true one wider"
    )
    others = [
        ("pixel accuracy", percent(scores.pixel_accuracy)),
        ("mean class accuracy", percent(scores.mean_class_accuracy)),
        ("frequency-weighted IoU", percent(scores.frequency_weighted_iou)),
        ("mean Dice", percent(scores.mean_dice)),
    ]
    if scores.calibration_error is not None:
        others.append(("calibration error", percent(scores.calibration_error)))
    if report.boundary:
        others.append(("boundary IoU", percent(report.boundary.boundary_iou)))
    convention = report.convention
    named = f"Protocol {convention.protocol}: " if convention.protocol else "Convention: "
    return (
        headline(f"{report.model.name} on {report.data.split}", f"{percent(scores.mean_iou)} mIoU")
        + paragraph(interval, soft=True)
        + paragraph(named + convention.text)
        + tiles(others)
    )


def _published(report: Report) -> str:
    mean_iou = report.scores.mean_iou
    if not report.published or mean_iou is None:
        return ""
    rows = [
        (
            f"{row.what}{' (these weights)' if row.same_model else ''}",
            percent(row.mean_iou),
            f"{100 * (mean_iou - row.mean_iou):+.2f} points",
        )
        for row in report.published
    ]
    return section(
        "Against published numbers", table(("measured the same way", "mIoU", "this model"), rows)
    )


def _class_bars(report: Report) -> str:
    rows = [(one.name, one.iou, css_color(one.color)) for one in report.classes]
    details = [
        (
            one.name,
            percent(one.iou),
            percent(one.accuracy),
            percent(one.dice),
            percent(one.boundary_iou),
            f"{one.pixels:,}",
        )
        for one in report.classes
    ]
    head = ("class", "IoU", "found", "Dice", "boundary IoU", "labelled pixels")
    return (
        bars(rows, what="IoU of each class")
        + "<details><summary>all numbers</summary>"
        + table(head, details)
        + "</details>"
    )


def _confusions(report: Report) -> str:
    names = [one.name for one in report.classes]
    drawn = ""
    if len(names) <= _MOST_CELLS:
        drawn = paragraph("Per cent of each true class's pixels (rows) by predicted class.")
        drawn += (
            f'<div class="wide">{matrix(names, report.confusion, what="confusion matrix")}</div>'
        )
    pairs = largest_confusions(report, _PAIRS)
    if not pairs:
        return drawn
    rows = [
        (f"{names[true]} → {names[predicted]}", f"{count:,}", percent(of_class), percent(of_all))
        for true, predicted, count, of_class, of_all in pairs
    ]
    return drawn + table(
        ("true → predicted", "pixels", "of the true class", "of all mistakes"), rows
    )


def largest_confusions(report: Report, most: int) -> list[tuple[int, int, int, float, float]]:
    """The class pairs that are confused most.

    Returns:
        True class, predicted class, pixels, share of the true class, share of all mistakes.
    """
    counts = np.array(report.confusion, np.int64)
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    found = []
    for true, predicted in zip(*np.unravel_index(order, wrong.shape), strict=True):
        count = int(wrong[true, predicted])
        if count:
            share = count / int(counts[true].sum())
            found.append((int(true), int(predicted), count, share, count / int(wrong.sum())))
    return found


def _boundaries(found: Boundary) -> str:
    lines = [
        (
            "around places where labels meet",
            list(zip(found.widths, found.around_classes, strict=True)),
        ),
        (
            "around ignored pixels (as in the paper)",
            list(zip(found.widths, found.around_void, strict=True)),
        ),
    ]
    there = [(name, line) for name, line in lines if any(value is not None for _, value in line)]
    scores = [("boundary IoU", percent(found.boundary_iou))]
    scores += [
        (f"boundary F within {tolerance} px", percent(value))
        for tolerance, value in zip(found.tolerances, found.f_scores, strict=True)
    ]
    return (
        paragraph("Mean IoU of the pixels near boundaries alone (trimap curve).")
        + curves(
            there,
            ticks=[width for width in found.widths if width >= max(found.widths) / 12],
            what="trimap curve",
            across="width of the band in pixels",
        )
        + tiles(scores)
    )


def _sizes(report: Report) -> str:
    there = [(one, after) for one, after in zip(report.sizes, _ends(report), strict=True)]
    rows = [
        (f"{one.side}{after} px, {one.objects:,} objects", one.iou, "var(--main)")
        for one, after in there
        if one.objects
    ]
    if not rows:
        return ""
    return paragraph(
        "Mean IoU of connected regions of one class, by the square root of their area. A predicted "
        "pixel belongs to the nearest region of its class."
    ) + bars(rows, what="IoU against object size")


def _ends(report: Report) -> list[str]:
    sides = [one.side for one in report.sizes]
    return [f" to {after}" for after in sides[1:]] + [" and more"][: len(sides)]


def _reliability(report: Report) -> str:
    points = [(row.confidence, row.accuracy) for row in report.reliability if row.pixels]
    there = [(100 * sure, right) for sure, right in points if sure is not None]
    if not there:
        return ""
    ideal = [(100 * low, low) for low in (min(x for x, _ in there) / 100, 1.0)]
    return paragraph(
        f"Expected calibration error {percent(report.scores.calibration_error)}: how far accuracy "
        "is from the probability of the predicted class, over all pixels."
    ) + curves(
        [("accuracy", there), ("perfectly calibrated", ideal)],
        ticks=(0, 20, 40, 60, 80, 100),
        what="reliability diagram",
        across="probability in per cent",
    )


def _learning(report: Report) -> str:
    """Mean IoU, and the loss as a share of its largest value, by epoch."""
    losses = [row.loss for row in report.learning if row.loss is not None]
    largest = max(losses, default=0.0)
    if largest <= 0:
        return ""
    last = report.learning[-1].epoch
    loss = [
        (row.epoch, None if row.loss is None else row.loss / largest) for row in report.learning
    ]
    measured = [(row.epoch, row.mean_iou) for row in report.learning]
    return curves(
        [("mean IoU while training", measured), (f"loss, of {largest:.3g}", loss)],
        ticks=sorted({round(last * part / 4) for part in range(1, 5)}),
        what="learning curves",
        across="epochs",
    )


def _worst(worst: Sequence[Bad]) -> str:
    return "".join(
        views(
            f"{bad.name}: {percent(bad.mean_iou)} mean IoU of the classes in this picture",
            zip(_VIEWS, bad.views, strict=True),
        )
        for bad in worst
    )


def _timing(report: Report) -> str:
    seconds = np.array([picture.seconds for picture in report.pictures])
    if not seconds.size:
        return ""
    return tiles(
        (
            ("median a picture", f"{np.median(seconds):.3f} s"),
            ("95 of 100 pictures within", f"{np.quantile(seconds, 0.95):.3f} s"),
            ("all together", f"{seconds.sum():.1f} s"),
        )
    ) + paragraph(
        "From pixels to labels, and their probabilities where those are measured; without reading "
        "files and without scoring.",
        soft=True,
    )


def _environment(report: Report) -> str:
    return facts(
        [
            ("pictures", str(report.data.images)),
            ("fingerprint of names and labels", report.data.fingerprint),
            ("engine", report.model.engine),
            ("made", report.made),
            *report.environment.items(),
        ]
    )
