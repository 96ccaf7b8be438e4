"""How ``atrous benchmark`` shows what it measured."""

from collections.abc import Callable, Iterator
from typing import Any

from rich.table import Table
from rich.text import Text

from atrous.cli.model_parts import plain_table
from atrous.speed.benchmark import Findings
from atrous.speed.charts import COLORS, Bar, draw_bars
from atrous.speed.drawing import Drawing
from atrous.speed.machine import Machine


def tables(findings: Findings, machine: Machine, *, rounds: int) -> Iterator[Table | Text | str]:
    """What was measured, what could not be, and on which machine."""
    result = findings.as_json()
    rows = [row for row in result["rows"] if row["rounds"]]
    if rows:
        yield _table(rows)
    yield from dict.fromkeys(
        f"{row['model']}: of {_by(row['size'])} the network sees {_by(row['seen'])}"
        for row in rows
        if row["seen"] != row["size"]
    )
    refused = {
        f"{row['model']} on {_engine(row)}: {row['refused']}": None
        for row in result["rows"]
        if row["refused"]
    }
    yield from (Text(f"not measured: {line}") for line in refused)
    yield ""
    yield Text(machine.in_words)
    for threads, gflops in result["matrix_gflops"].items():
        yield Text(
            f"peak, {_threads(int(threads))}: {gflops:.1f} GFLOP/s, the fastest product of float32 "
            f"matrices (numpy, {machine.blas})"
        )
    yield Text(
        f"medians (95th percentiles) in ms of {rounds} rounds in turns; a multiply-add is two "
        "operations; MiB is the most memory of a process that does nothing else"
    )


def draw_times(findings: Findings, machine: Machine) -> Drawing:
    """Bars of the times from file to mask, the network's part dark."""
    rows = [row for row in findings.as_json()["rows"] if row["rounds"]]
    engines = list(dict.fromkeys(_engine(row) for row in rows))
    return draw_bars(
        [
            Bar(
                f"{row['model']}, {_engine(row)}, {_by(row['size'])}, {_threads(row['threads'])}",
                row["network_ms"],
                row["file_ms"],
                "" if row["share_of_peak"] is None else f"{row['share_of_peak']:.0%} of peak",
                COLORS[engines.index(_engine(row)) % len(COLORS)],
            )
            for row in rows
        ],
        title=f"from file to mask on {machine.processor}, {machine.cores} cores",
        unit="ms",
        parts=("the network", "reading, labels, writing"),
    )


def _table(rows: list[dict[str, Any]]) -> Table:
    columns: dict[str, Callable[[dict[str, Any]], str]] = {
        "model": lambda row: row["model"],
        "engine": _engine,
        "thr.": lambda row: str(row["threads"]),
        "picture": lambda row: _by(row["size"]),
        "network": lambda row: _times(row["network_ms"], row["network_p95_ms"]),
        "file to mask": lambda row: _times(row["file_ms"], row["file_p95_ms"]),
        "per s": lambda row: f"{row['pictures_per_second']:.2f}",
        "MiB": lambda row: mebibytes(row["peak_bytes"]),
        "GFLOP/s": lambda row: "-" if row["gflops"] is None else f"{row['gflops']:.1f}",
        "peak": lambda row: "-" if row["share_of_peak"] is None else f"{row['share_of_peak']:.0%}",
    }
    if len({row["model"] for row in rows}) == 1:
        del columns["model"]
    table = plain_table(title=rows[0]["model"] if "model" not in columns else None)
    for header in columns:
        words = header in {"model", "engine"}
        table.add_column(header, justify="left" if words else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(text(row)) for text in columns.values()))
    return table


def _times(median: float, high: float) -> str:
    digits = 1 if median < 100 else 0
    return f"{median:.{digits}f} ({high:.{digits}f})"


def _threads(count: int) -> str:
    return f"{count} thread{'s' * (count > 1)}"


def mebibytes(count: int | None) -> str:
    """Bytes in MiB; a dash where they are not known."""
    return "-" if count is None else f"{count / 2**20:.0f}"


def _engine(row: dict[str, Any]) -> str:
    precision = row["precision"]
    named = str(row["engine"])
    return named if precision == "fp32" or precision in named else f"{named}, {precision}"


def _by(size: Any) -> str:
    return "x".join(str(side) for side in size) if size else "-"
