"""``atrous compare``: two reports of ``atrous evaluate``, side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.table import Table
from rich.text import Text

from atrous.cli.options import JsonFlag, QuietFlag
from atrous.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atrous.reports.compare import ClassPair, Comparison, PicturePair


def compare(
    first: Annotated[Path, Parameter(help="Folder of a report, or its report.json.")],
    second: Annotated[Path, Parameter(help="The other one, on the same pictures.")],
    *,
    pictures: Annotated[
        int,
        Parameter(
            help="How many of the pictures that differ most are named.",
            validator=Number(gte=0, lte=100_000),
        ),
    ] = 10,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Tell whether SECOND is better than FIRST, and where.

    The interval and the p-value of the difference come from a paired bootstrap: pictures are drawn
    again, the same ones for both.
    """
    from atrous.reports.compare import compare as compare_reports
    from atrous.reports.report import read_report

    terminal = Terminal(as_json=json, quiet=quiet)
    found = compare_reports(read_report(first), read_report(second), pictures=pictures)
    names = (found.first, found.second)
    if found.first == found.second:
        names = (str(first), str(second))
    terminal.show(_table("class", found.classes, names))
    if found.pictures:
        terminal.show("", _table("pictures that differ most", found.pictures, names))
    terminal.show("", Text(_verdict(found, names)))
    terminal.give("compare", found.model_dump())
    return 0


def _table(title: str, rows: "Sequence[ClassPair | PicturePair]", names: tuple[str, str]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(title)
    for header in (*names, "points"):
        table.add_column(Text(header), justify="right")
    for row in rows:
        texts = ("absent" if value is None else f"{value:.2%}" for value in (row.first, row.second))
        gain = "" if row.difference is None else f"{100 * row.difference:+.2f}"
        table.add_row(Text(row.name), *texts, gain)
    return table


def _verdict(found: "Comparison", names: tuple[str, str]) -> str:
    low, high, gain = (
        float("nan") if value is None else 100 * value
        for value in (found.low, found.high, found.difference)
    )
    beyond = "more" if low > 0 or high < 0 else "no more"
    return (
        f"mIoU {found.first_mean_iou or 0:.2%} and {found.second_mean_iou or 0:.2%}: {names[1]} "
        f"is {gain:+.2f} points from {names[0]}, {beyond} than drawing these pictures again "
        f"explains ({found.level:.0%} interval {low:+.2f} to {high:+.2f}, p {_p_text(found)})"
    )


def _p_text(found: "Comparison") -> str:
    """The p-value, no finer than the draws allow."""
    least = 2 / (found.resamples + 1)
    return f"<= {least:.2g}" if found.p_value <= least else f"= {found.p_value:.2g}"
