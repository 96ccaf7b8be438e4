"""``atrous data shard``: any layout as tar shards."""

import re
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from atrous.cli.data_writing import DataArgument, OutOption, SplitsOption, open_splits
from atrous.cli.layout_option import LayoutOption
from atrous.cli.options import JsonFlag, QuietFlag
from atrous.cli.terminal import Terminal
from atrous.data.write_shards import write_shards
from atrous.errors import ConfigError

_USUAL_SIZE = "500MB"
_UNITS = {"KB": 10**3, "MB": 10**6, "GB": 10**9}


def shard_data(
    data: DataArgument,
    out: OutOption,
    *,
    layout: LayoutOption = "auto",
    splits: SplitsOption = None,
    shard_size: Annotated[
        str | None,
        Parameter(help="A shard that holds as much is closed. Default: 500MB."),
    ] = None,
    pairs_per_shard: Annotated[
        int | None,
        Parameter(
            help="Most pairs in a shard, in place of its size; a split's shards hold the same "
            "number, or one less.",
            validator=Number(gte=1, lte=500_000),
        ),
    ] = None,
    seed: Annotated[
        int, Parameter(help="What the order of pairs depends on, beside their names.")
    ] = 0,
    json: JsonFlag = False,
    quiet: QuietFlag = False,
) -> int:
    """Write a dataset as tar shards of WebDataset, with a dataset.toml.

    JPEG and PNG files are copied as they are, other pictures written as PNG; outlines are drawn,
    values and colours mapped. The same dataset makes the same bytes. DATA is not changed.
    """
    terminal = Terminal(as_json=json, quiet=quiet)
    if shard_size and pairs_per_shard:
        raise ConfigError("shards end by --shard-size or by --pairs-per-shard; give one of them")
    max_bytes = None if pairs_per_shard else _parse_bytes(shard_size or _USUAL_SIZE)
    opened = open_splits(data, out, layout=layout, splits=splits)
    counts = {split.name: len(split.pairs) for split in opened}
    writing = write_shards(opened, out, max_bytes=max_bytes, max_pairs=pairs_per_shard, seed=seed)
    written = len(list(terminal.track(writing, total=sum(counts.values()), what="writing")))
    shards = sum(1 for _ in out.glob("*.tar"))
    known = opened[0].layout
    terminal.show(
        f"{written} pairs of {known} in {', '.join(counts)}, {shards} "
        f"{'shard' if shards == 1 else 'shards'}: {out}"
    )
    result = {"layout": known, "splits": counts, "shards": shards, "out": str(out)}
    terminal.give("data shard", result)
    return 0


def _parse_bytes(text: str) -> int:
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,6})?) ?(KB|MB|GB)", text, re.IGNORECASE)
    size = round(float(match[1]) * _UNITS[match[2].upper()]) if match else 0
    if size < 1:
        raise ConfigError(f"a size is a number of KB, MB or GB, such as 500MB, not {text!r}")
    return size
