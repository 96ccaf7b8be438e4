"""``atrous data convert``: any layout as paired folders."""

from atrous.cli.data_writing import DataArgument, OutOption, SplitsOption, open_splits
from atrous.cli.layout_option import LayoutOption
from atrous.cli.options import JsonFlag, QuietFlag
from atrous.cli.terminal import Terminal
from atrous.data.convert import convert


def convert_data(
    data: DataArgument,
    out: OutOption,
    *,
    layout: LayoutOption = "auto",
    splits: SplitsOption = None,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Write a dataset as folders of pictures and of class indices, with a dataset.toml.

    Outlines are drawn, values and colours mapped. DATA is not changed.
    """
    terminal = Terminal(as_json=json, quiet=quiet)
    opened = open_splits(data, out, layout=layout, splits=splits)
    known, total = opened[0].layout, sum(len(split.pairs) for split in opened)
    written = len(list(terminal.track(convert(opened, out), total=total, what="writing")))
    terminal.show(f"{written} pairs of {known} in {', '.join(s.name for s in opened)}: {out}")
    result = {"layout": known, "splits": [split.name for split in opened], "pairs": written}
    terminal.give("data convert", {**result, "out": str(out)})
    return 0
