"""``atrous data stats``: how often each class is there."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from atrous.cli.data import as_json
from atrous.cli.layout_option import LayoutOption
from atrous.cli.model_parts import plain_table
from atrous.cli.options import JsonFlag, QuietFlag, WorkersOption
from atrous.cli.terminal import Terminal
from atrous.data.doctor import Report, check_dataset
from atrous.data.doctor.frequencies import Suggestion

_BAR = 20


def stats_data(
    data: Annotated[Path, Parameter(help="Folder of the dataset.")],
    *,
    layout: LayoutOption = "auto",
    workers: WorkersOption = 0,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Count pixels and pictures of each class, and suggest class weights, crop and scale.

    Weights are by median frequency: median(f) / f(c), where f(c) is the share of class c among
    the labelled pixels of the training pictures that show it.
    """
    terminal = Terminal(as_json=json, quiet=quiet)
    found = check_dataset(
        data,
        layout=layout,
        workers=workers,
        track=lambda items, total: terminal.track(items, total=total, what="reading"),
    )
    if found.findings:
        terminal.warn(
            f"counts may mislead, for something is wrong in {len(found.findings)} places; "
            f"see atrous data check {data}"
        )
    terminal.show(_table(found))
    if found.suggestion:
        terminal.show("", Text(_describe(found.suggestion, found)))
    everything = as_json(found)
    wanted = ("layout", "splits", "classes", "suggestion")
    terminal.give("data stats", {key: everything[key] for key in wanted})
    return 0


def _table(found: Report) -> Table:
    table = plain_table(title=f"{len(found.pairs)} pairs")
    splits = found.listing.splits
    for header in ("class", "share", "", *(f"in {split}" for split in splits), "weight"):
        table.add_column(header, justify="left" if header in ("class", "") else "right")
    most = max((row.share for row in found.classes), default=0) or 1
    for row in found.classes:
        red, green, blue = found.proposal.label_set.palette[row.index]
        bar = Text("█" * round(_BAR * row.share / most), style=f"rgb({red},{green},{blue})")
        counts = (str(row.pictures[split]) for split in splits)
        weight = "-" if row.weight is None else f"{row.weight:.3f}"
        table.add_row(Text(row.name), f"{row.share:.2%}", bar, *counts, weight)
    return table


def _describe(suggestion: Suggestion, found: Report) -> str:
    smallest, middle, largest = (
        f"{height} x {width}"
        for height, width in (suggestion.smallest, suggestion.median, suggestion.largest)
    )
    weights = ", ".join(f"{row.weight or 0:.3f}" for row in found.classes[:24])
    more = ", ..." if len(found.classes) > 24 else ""
    return (
        f"heights x widths from {smallest} to {largest}, median {middle}\n"
        f"for a recipe: crop_size = {list(suggestion.crop_size)}, "
        f"scale = {list(suggestion.scale)}\nclass_weights = [{weights}{more}]"
    )
