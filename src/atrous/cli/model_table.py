"""``atrous model table``: the papers' numbers beside those that are counted here."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.table import Table

from atrous.cli.model_parts import facts_table, plain_table
from atrous.cli.options import JsonFlag, QuietFlag
from atrous.cli.terminal import Terminal
from atrous.errors import DependencyError

if TYPE_CHECKING:
    from atrous.weights.zoo.reproduce import Comparison

_HEADERS = ("network", "stride", "looks", "published", "counted", "difference", "note")
_SIZES = ("network", "theirs", "ours", "difference")
"""Headers of the tables of parameters, which need no more."""
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
        from atrous.weights.zoo.reproduce import compare_all
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


def _groups(
    rows: Sequence["Comparison"],
) -> Iterator[tuple[str, tuple[str, ...], list["Comparison"]]]:
    """Title, headers and rows of each published table."""
    for where, group in groupby(rows, key=lambda row: row.where):
        found = list(group)
        yield where, _HEADERS if found[0].looks else _SIZES, found


def _as_tables(rows: Sequence["Comparison"], notes: list[str]) -> Iterator[Table | str]:
    for where, headers, group in _groups(rows):
        table = plain_table(title=where)
        for header in headers:
            left = header == "network"
            table.add_column(header, justify="left" if left else "right", overflow="fold")
        for row in group:
            cells = _cells(row, notes)
            style = None if row.ok else "bold red"
            table.add_row(*(cells[header] for header in headers), style=style)
        yield from (table, "")
    numbered = {f"({index})": note for index, note in enumerate(notes, start=1)}
    yield facts_table({**numbered, "": _EXPLANATION}, title="Notes")


def _as_markdown(rows: Sequence["Comparison"], notes: list[str]) -> Iterator[str]:
    for where, headers, group in _groups(rows):
        yield f"### {where}\n"
        yield f"| {' | '.join(headers)} |"
        yield f"| --- |{' ---: |' * (len(headers) - 1)}"
        for row in group:
            cells = _cells(row, notes)
            yield f"| {' | '.join(cells[header] for header in headers)} |"
        yield ""
    for index, note in enumerate(notes, start=1):
        yield f"({index}) {note}\n"
    yield _EXPLANATION


def _cells(row: "Comparison", notes: list[str]) -> dict[str, str]:
    theirs = f"{row.published:.2f} B" if row.looks else f"{row.published:,.0f}"
    ours = _counted(row)
    return {
        "network": row.what,
        "stride": str(row.output_stride),
        "looks": str(row.looks),
        "published": theirs,
        "theirs": theirs,
        "counted": ours,
        "ours": ours,
        "difference": _difference(row.difference),
        "note": f"({notes.index(row.note) + 1})" if row.note else "",
    }


def _counted(row: "Comparison") -> str:
    if row.counted is None:
        return "-"
    # One digit more than was published, where two say little.
    digits = 3 if row.counted < 10 else 2
    return f"{row.counted:.{digits}f} B" if row.looks else f"{row.counted:,.0f}"


def _difference(share: float | None) -> str:
    if share is None:
        return "-"
    return f"{share:+.2%}" if share else "none"
