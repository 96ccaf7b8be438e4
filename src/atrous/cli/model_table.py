"""``atrous model table``: the papers' numbers beside those that are counted here."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.table import Table

from atrous.cli.model_parts import plain_table
from atrous.cli.options import JsonFlag, QuietFlag
from atrous.cli.terminal import Terminal
from atrous.errors import DependencyError

if TYPE_CHECKING:
    from atrous.weights.reproduce import Comparison

_HEADERS = ("network", "stride", "looks", "published", "counted", "difference", "")
_EXPLANATION = (
    "stride: of the encoder. looks: scales of a picture that are added up, mirrored ones too. "
    "B: billions of multiply-adds. The published ones also count norms, sums and resizing, which "
    "is up to 0.3 %; parameters must be equal."
)


def table_model(
    *,
    markdown: Annotated[
        bool, Parameter(negative="", help="Print Markdown, as docs/model-zoo.md has it.")
    ] = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Hold every published number that needs no data against the one that is counted here.

    These are the multiply-adds of DeepLab V3+ (tables 3 and 5) and of the model zoo, and the
    parameters of Xception's paper and of the official graph. The exit code is 1 if one is off.
    """
    terminal = Terminal(as_json=json, quiet=quiet)
    try:
        from atrous.weights.reproduce import compare_all
    except ModuleNotFoundError as error:
        raise DependencyError(f"counting needs {error.name}; pip install 'atrous[train]'") from None
    rows = tuple(compare_all())
    notes = list(dict.fromkeys(row.note for row in rows if row.note))
    if markdown:
        terminal.show(*_as_markdown(rows, notes))
    else:
        terminal.show(*_as_tables(rows, notes))
    wrong = [row for row in rows if not row.ok]
    for row in wrong:
        terminal.warn(f"{row.where}: {row.what} is off by {row.difference:+.2%}")
    terminal.give(
        "model table",
        {"rows": [asdict(row) | {"difference": row.difference} for row in rows]},
        ok=not wrong,
    )
    return 1 if wrong else 0


def _as_tables(rows: Sequence["Comparison"], notes: list[str]) -> Iterator[Table | str]:
    for where, group in groupby(rows, key=lambda row: row.where):
        table = plain_table(title=where)
        for header in _HEADERS:
            table.add_column(header, justify="left" if header == "network" else "right")
        for row in group:
            table.add_row(*_cells(row, notes), style=None if row.ok else "bold red")
        yield from (table, "")
    for index, note in enumerate(notes, start=1):
        yield f"({index}) {note}"
    yield _EXPLANATION


def _as_markdown(rows: Sequence["Comparison"], notes: list[str]) -> Iterator[str]:
    for where, group in groupby(rows, key=lambda row: row.where):
        yield f"### {where}\n"
        yield f"| {' | '.join(_HEADERS)} |"
        yield "| --- | ---: | ---: | ---: | ---: | ---: | --- |"
        for row in group:
            yield f"| {' | '.join(_cells(row, notes))} |"
        yield ""
    for index, note in enumerate(notes, start=1):
        yield f"({index}) {note}\n"
    yield _EXPLANATION


def _cells(row: "Comparison", notes: list[str]) -> tuple[str, ...]:
    counts = (row.published, row.counted)
    published, counted = (
        "-" if count is None else f"{count:.2f} B" if row.looks else f"{count:,.0f}"
        for count in counts
    )
    return (
        row.what,
        str(row.output_stride or ""),
        str(row.looks or ""),
        published,
        counted,
        "-" if row.difference is None else f"{row.difference:+.2%}",
        f"({notes.index(row.note) + 1})" if row.note else "",
    )
