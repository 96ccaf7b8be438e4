"""``atrous data``: what is in a dataset, and what is wrong with it."""

import dataclasses
import os
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table
from rich.text import Text

from atrous.cli.layout_option import LayoutOption
from atrous.cli.model_parts import plain_table
from atrous.cli.options import JsonFlag, QuietFlag, WorkersOption
from atrous.cli.terminal import Terminal
from atrous.data.description import DATASET_FILE
from atrous.data.doctor import KINDS, Finding, Report, check_dataset
from atrous.data.doctor.mend import describe_as_toml, left_out, write_copy, write_proposal
from atrous.data.doctor.page import describe, write_page
from atrous.errors import ResourceError

app = App(name="data", help="Check datasets, count their classes, look at them.")
# Named, not imported, as in `atrous.cli.main`.
for _name, _help in (
    ("stats", "Count pixels and pictures of each class, and suggest weights, crop and scale."),
    ("convert", "Write any layout as folders of pictures and of class indices."),
    ("shard", "Write any layout as tar archives, each with a part of the pictures."),
    ("split", "Deal all pictures into splits anew, as folders."),
    ("preview", "Lay labels over pictures, many on one sheet."),
):
    app.command(f"atrous.cli.data_{_name}:{_name}_data", name=_name, help=_help)

_STYLES = {"error": "bold red", "warning": "yellow"}
_PLACES = 3


@app.command
def check(
    data: Annotated[Path, Parameter(help="Folder of the dataset.")],
    *,
    layout: LayoutOption = "auto",
    fix_to: Annotated[
        Path | None,
        Parameter(help="Write a copy with mended labels into this folder, which must be new."),
    ] = None,
    toml_to: Annotated[
        Path | None,
        Parameter(help="Write the proposed dataset.toml to this file, which must be new."),
    ] = None,
    report: Annotated[
        Path | None, Parameter(help="Write an HTML page with pictures of each kind of fault.")
    ] = None,
    workers: WorkersOption = 0,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Read a whole dataset, name all that is wrong with it, and propose what would mend it.

    Nothing in DATA is changed. Exit code 0: nothing wrong; 1: there are findings; 3: no dataset.
    """
    terminal = Terminal(as_json=json, quiet=quiet)
    for place in (fix_to, toml_to, report):
        if place is not None and os.path.lexists(place):
            raise ResourceError(f"{place}: is there already; give a place that is not")
    found = check_dataset(
        data,
        layout=layout,
        workers=workers,
        track=lambda items, total: terminal.track(items, total=total, what="reading"),
    )
    terminal.show(Text(describe(found)))
    if found.findings:
        terminal.show("", _table(found.findings))
    if found.proposal.changes:
        terminal.show("", _proposal(found))
    result = as_json(found)
    if report is not None:
        write_page(found, report)
        terminal.say(f"wrote {report}")
    if toml_to is not None:
        write_proposal(found, toml_to)
        there = toml_to.resolve() == (data / DATASET_FILE).resolve()
        terminal.say(f"wrote {toml_to}{'' if there else f'; put it into {data} as {DATASET_FILE}'}")
    if fix_to is not None:
        result["left_out"] = _copy(terminal, found, fix_to)
    terminal.give("data check", result, ok=not found.findings)
    return 1 if found.findings else 0


def _copy(terminal: Terminal, found: Report, folder: Path) -> dict[str, str]:
    copying = write_copy(found, folder)
    copied = list(terminal.track(copying, total=len(found.pairs), what="copying"))
    missing = left_out(copied)
    terminal.say(f"wrote {len(copied) - len(missing)} pairs to {folder}")
    for name, reason in missing.items():
        terminal.warn(f"{name} is not in the copy: {reason}")
    return missing


def _table(findings: tuple[Finding, ...]) -> Table:
    table = plain_table(title="What is wrong")
    table.leading = 1
    table.add_column("severity", no_wrap=True)
    table.add_column("what, and what to do", ratio=1)
    table.add_column("times", justify="right", no_wrap=True)
    table.add_column("where", ratio=1, overflow="fold")
    for kind, group in groupby(findings, lambda finding: finding.kind):
        about, places = KINDS[kind], list(group)
        what = Text(about.title).append(f"\n{about.advice}", style="dim")
        where = Text("\n").join(_place(finding) for finding in places[:_PLACES])
        if len(places) > _PLACES:
            where.append(f"\nand {len(places) - _PLACES} more (--json lists all)", style="dim")
        severity = Text(about.severity, style=_STYLES[about.severity])
        table.add_row(severity, what, str(len(places)), where)
    return table


def _place(finding: Finding) -> Text:
    return Text(finding.where).append(f"\n{finding.what}", style="dim")


def _proposal(found: Report) -> Text:
    """The proposal in a few lines."""
    proposal = found.proposal
    lines = []
    moved = [f"{value} to {index}" for value, index in proposal.values.items() if value != index]
    if moved:
        lines.append(f"values: {_shortened(moved)}")
    if proposal.colors:
        lines.append(f"colours: {len(proposal.colors)} to {proposal.label_set.num_classes} classes")
    lines.append(f"names: {_shortened(proposal.label_set.names)}")
    lines += proposal.notes
    lines.append("--toml-to FILE writes this as a dataset.toml, --fix-to FOLDER a mended copy")
    return Text("What would mend the labels", style="bold").append(
        "".join(f"\n  {line}" for line in lines), style="not bold"
    )


def _shortened(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:6])}{' ...' if len(parts) > 6 else ''}"


def as_json(found: Report) -> dict[str, Any]:
    """The whole report as plain values."""
    listing = found.listing
    return {
        "layout": listing.layout,
        "reason": listing.reason,
        "splits": {s: sum(p.entry.split == s for p in found.pairs) for s in listing.splits},
        "splits_left_out": list(listing.left_out),
        "findings": [
            {**dataclasses.asdict(finding), "severity": KINDS[finding.kind].severity}
            for finding in found.findings
        ],
        "proposal": describe_as_toml(found.proposal) if found.proposal.changes else None,
        "classes": [dataclasses.asdict(row) for row in found.classes],
        "suggestion": dataclasses.asdict(found.suggestion) if found.suggestion else None,
    }
