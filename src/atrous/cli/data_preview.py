"""``atrous data preview``: labels over pictures, many on one sheet."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from atrous.cli.layout_option import LayoutOption
from atrous.cli.options import JsonFlag, OverwriteFlag, QuietFlag
from atrous.cli.terminal import Terminal
from atrous.data.detect import open_split
from atrous.data.sample import spread
from atrous.data.sheet import contact_sheet
from atrous.imaging import write_image


def preview_data(
    data: Annotated[Path, Parameter(help="Folder of the dataset.")],
    *,
    out: Annotated[Path, Parameter(name=("--out", "-o"), help="The .png or .jpg to write.")],
    split: Annotated[str, Parameter(help="Which split to show.")] = "train",
    layout: LayoutOption = "auto",
    pictures: Annotated[
        int, Parameter(help="How many, evenly over the split.", validator=Number(gte=1, lte=400))
    ] = 24,
    opacity: Annotated[
        float,
        Parameter(help="0: pictures alone, 1: labels alone.", validator=Number(gte=0, lte=1)),
    ] = 0.5,
    overwrite: OverwriteFlag = False,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Lay the labels over pictures of a split, with the classes that are there."""
    terminal = Terminal(as_json=json, quiet=quiet)
    pairs = open_split(data, split, layout=layout)
    chosen = spread(pairs.pairs, pictures)
    shown = terminal.track(chosen, total=len(chosen), what="drawing")
    sheet = contact_sheet(shown, pairs.label_set, opacity=opacity)
    write_image(out, sheet, overwrite=overwrite)
    terminal.show(f"{len(chosen)} of {len(pairs.pairs)} pictures of {split}: {out}")
    terminal.give("data preview", {"out": str(out), "pictures": [pair.name for pair in chosen]})
    return 0
