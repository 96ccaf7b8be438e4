"""How ``atrous model info`` shows what a network is made of."""

import math
from dataclasses import asdict
from typing import Any

from rich.table import Table

from atrous.cli.model_parts import facts_table, plain_table
from atrous.models.receptive_field import Field
from atrous.models.summary import Rates, Summary


def summary_tables(summary: Summary) -> tuple[Table | str, ...]:
    """Parts, receptive fields and memory of a network."""
    return "", _parts_table(summary), "", _fields_table(summary), "", _memory_table(summary)


def summary_as_json(summary: Summary) -> dict[str, Any]:
    """A summary with its totals; receptive fields are numbers, ``all`` or ``unknown``."""
    fields = {
        name: [side if math.isfinite(side) else _without_number(side) for side in field.pixels]
        for name, field in summary.fields.items()
    }
    totals = {"parameters": summary.parameters, "multiply_adds": summary.multiply_adds}
    return {**asdict(summary), "fields": fields, **totals}


def _parts_table(summary: Summary) -> Table:
    height, width = summary.size
    table = plain_table(title=f"Parts, for a picture of {height}x{width}")
    table.add_column("stage")
    table.add_column("part", overflow="fold")
    for header in ("stride", "channels", "rates", "parameters", "mult-adds", "share"):
        table.add_column(header, justify="right")
    before = ""
    for part in summary.parts:
        table.add_row(
            part.stage if part.stage != before else "",
            part.name,
            str(part.stride or "all"),
            str(part.channels),
            _rates(part.atrous_rates),
            f"{part.parameters:,}",
            _billions(part.multiply_adds),
            f"{part.multiply_adds / summary.multiply_adds:.1%}",
        )
        before = part.stage
    total = (f"{summary.parameters:,}", _billions(summary.multiply_adds), "100%")
    table.add_row("total", "", "", "", "", *total, style="bold")
    return table


def _rates(rates: Rates) -> str:
    return ", ".join(str(rows) if rows == cols else f"{rows}x{cols}" for rows, cols in rates)


def _billions(count: int) -> str:
    return f"{count / 1e9:.3f} B"


def _fields_table(summary: Summary) -> Table:
    table = plain_table(title="Receptive fields: what one position sees of the picture")
    for header in ("part", "pixels", "of the height", "of the width"):
        table.add_column(header, justify="left" if header == "part" else "right")
    for name, field in summary.fields.items():
        height, width = (
            f"{seen / side:.0%}" if math.isfinite(seen) else _without_number(seen)
            for seen, side in zip(field.pixels, summary.size, strict=True)
        )
        table.add_row(name, _pixels(field), height, width)
    return table


def _pixels(field: Field) -> str:
    height, width = field.pixels
    return f"{height:.0f}x{width:.0f}" if math.isfinite(height) else _without_number(height)


def _without_number(side: float) -> str:
    return "all" if math.isinf(side) else "unknown"


def _memory_table(summary: Summary) -> Table:
    height, width = summary.size
    return facts_table(
        {
            "weights": f"{summary.weight_bytes / 2**20:.1f} MiB, float32",
            "activations": f"{summary.peak_activation_bytes / 2**20:.1f} MiB at once at most, "
            f"float32, one picture of {height}x{width}, torch without gradients; what libraries "
            "need to compute convolutions comes on top",
        },
        title="Memory, computed and not measured",
    )
