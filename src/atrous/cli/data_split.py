"""``atrous data split``: a dataset dealt into splits anew."""

from typing import Annotated

from cyclopts import Parameter

from atrous.cli.data_writing import DataArgument, OutOption, open_splits
from atrous.cli.layout_option import LayoutOption
from atrous.cli.options import JsonFlag, QuietFlag
from atrous.cli.terminal import Terminal
from atrous.data.convert import convert
from atrous.data.deal import deal
from atrous.data.layout import Split
from atrous.errors import ConfigError


def split_data(
    data: DataArgument,
    out: OutOption,
    *,
    shares: Annotated[
        str, Parameter(help="Part of the pictures for each split.")
    ] = "train=0.8,val=0.2",
    together: Annotated[
        str | None,
        Parameter(
            help="Regular expression; pictures whose names share the text that it finds, such as a "
            "film's or a patient's, stay in one split."
        ),
    ] = None,
    layout: LayoutOption = "auto",
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Deal all pictures of a dataset into splits anew, and write them as paired folders.

    The same names are dealt the same way on every machine. DATA is not changed.
    """
    terminal = Terminal(as_json=json, quiet=quiet)
    opened = open_splits(data, out, layout=layout)
    known = opened[0].layout
    pairs = [pair for split in opened for pair in split.pairs]
    dealt = [
        Split(known, name, opened[0].label_set, found)
        for name, found in deal(pairs, _parse_shares(shares), together=together).items()
    ]
    written = len(list(terminal.track(convert(dealt, out), total=len(pairs), what="writing")))
    counts = {split.name: len(split.pairs) for split in dealt}
    parts = ", ".join(f"{count} in {name}" for name, count in counts.items())
    terminal.show(f"{written} pairs of {known}, {parts}: {out}")
    terminal.give("data split", {"layout": known, "splits": counts, "out": str(out)})
    return 0


def _parse_shares(text: str) -> dict[str, float]:
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, _, share = (piece.strip() for piece in part.partition("="))
        try:
            value = float(share)
        except ValueError:
            value = 0.0
        if not name.isidentifier() or name in shares or not 0 < value <= 1:
            raise ConfigError(
                f"shares are names and parts of 1, such as train=0.8,val=0.2, not {text!r}"
            )
        shares[name] = value
    return shares
