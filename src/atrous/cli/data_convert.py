"""``atrous data convert``: any layout as paired folders."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from atrous.cli.layout_option import LayoutOption
from atrous.cli.options import JsonFlag, QuietFlag
from atrous.cli.terminal import Terminal
from atrous.data.convert import convert
from atrous.data.detect import detect_layout, open_split, usual_splits
from atrous.errors import DatasetError, ResourceError


def convert_data(
    data: Annotated[Path, Parameter(help="Folder of the dataset.")],
    *,
    out: Annotated[Path, Parameter(name=("--out", "-o"), help="A folder that is not there yet.")],
    layout: LayoutOption = "auto",
    splits: Annotated[
        str | None,
        Parameter(
            help="Names joined by commas. Default: those of train, val, test that are there."
        ),
    ] = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Write a dataset as folders of pictures and of class indices, with a dataset.toml.

    Outlines are drawn, values and colours mapped. DATA is not changed.
    """
    terminal = Terminal(as_json=json, quiet=quiet)
    if out.resolve().is_relative_to(data.resolve()):
        raise ResourceError(f"{out}: lies inside the dataset; give a place outside of it")
    known = detect_layout(data)[0] if layout == "auto" else layout
    names = splits.split(",") if splits else usual_splits(data, layout=known)
    opened = [open_split(data, name.strip(), layout=known) for name in names]
    if not opened:
        raise DatasetError(f"{data}: has no train, val or test; name others with --splits")
    total = sum(len(split.pairs) for split in opened)
    written = len(list(terminal.track(convert(opened, out), total=total, what="writing")))
    terminal.show(f"{written} pairs of {known} in {', '.join(s.name for s in opened)}: {out}")
    result = {"layout": known, "splits": [split.name for split in opened], "pairs": written}
    terminal.give("data convert", {**result, "out": str(out)})
    return 0
