"""How ``atrous tune`` shows what it found."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from atrous.cli.benchmark_display import mebibytes
from atrous.cli.model_parts import plain_table
from atrous.speed.charts import Point, draw_points
from atrous.speed.drawing import Drawing
from atrous.speed.search import describe
from atrous.speed.settings import Candidate, Limits, pareto_front

_HEADERS = ("", "engine", "precision", "stride", "side", "flip", "ms", "MiB", "mIoU", "")


def front_table(front: Sequence[Candidate], best: Candidate | None, *, title: str) -> Table:
    """The settings to which no other is better in time, memory and mean IoU; the chosen one marked.

    Args:
        front: Fastest first.
        best: One of them.
        title: What it was measured on.
    """
    table = plain_table(title=title)
    for header in _HEADERS:
        words = header in {"", "engine", "precision"}
        table.add_column(header, justify="left" if words else "right")
    for one in front:
        if not one.speed or not one.score:
            continue
        look = one.look
        table.add_row(
            "*" if one is best else "",
            one.engine,
            look.precision,
            str(look.output_stride),
            str(look.longest_side),
            "yes" if look.flip else "",
            f"{one.speed.ms:.0f}",
            mebibytes(one.speed.peak_bytes),
            f"{one.score.mean_iou:.2%}",
            f"({one.score.low:.2%} to {one.score.high:.2%})",
        )
    return table


def left_out_lines(found: Sequence[Candidate]) -> Iterator[Text]:
    """How many were tried, and why the others were not scored."""
    scored = sum(one.score is not None for one in found)
    yield Text(
        f"{len(found)} settings: {scored} with labels scored, {_beaten(found)} of them beaten"
    )
    alone = [one for one in found if one.left_out and one.speed is None and _is_refusal(one)]
    for one in alone:
        yield Text(f"  {one.engine} in {one.look.precision}: {one.left_out}")
    reasons = Counter(one.left_out for one in found if one.left_out and one not in alone)
    for reason, times in reasons.most_common(8):
        yield Text(f"  {times} left out: {reason}")


def verdict(best: Candidate | None, limits: Limits) -> str:
    """What was chosen, and how to use it."""
    wishes = [
        f"at most {limits.max_ms:g} ms" if limits.max_ms else "",
        f"at most {limits.max_bytes / 2**20:.0f} MiB" if limits.max_bytes else "",
        f"mIoU of at least {limits.min_mean_iou:.2%}" if limits.min_mean_iou else "",
    ]
    wished = ", ".join(wish for wish in wishes if wish) or "no limit"
    if best is None or not best.speed or not best.score:
        return f"nothing fits ({wished}); allow more, or train a smaller network"
    flags = [f"--engine {best.engine}", f"--precision {best.look.precision}"]
    flags += ["--flip"] if best.look.flip else []
    return (
        f"chosen for {wished}: {describe(best)}: {best.speed.ms:.0f} ms, mIoU "
        f"{best.score.mean_iou:.2%}. --save writes a model of this output stride and side; predict "
        f"with it and {' '.join(flags)}"
    )


def draw_scores(found: Sequence[Candidate], best: Candidate | None, *, title: str) -> Drawing:
    """Mean IoU over time; what nothing beats is coloured, what was chosen is named."""
    front = pareto_front(found)
    points = [
        Point(
            one.speed.ms,
            one.score.mean_iou,
            f"{describe(one)}: {one.speed.ms:.0f} ms, {one.score.mean_iou:.2%}",
            strong=one in front,
            chosen=one is best,
        )
        for one in found
        if one.speed and one.score
    ]
    across = "ms a picture, from pixels to labels"
    return draw_points(points, title=title, across=across, up="mean IoU")


def as_json(one: Candidate, *, in_front: bool) -> dict[str, Any]:
    """One candidate."""
    return {**asdict(one), "left_out": one.left_out or None, "in_front": in_front}


def _beaten(found: Sequence[Candidate]) -> int:
    return sum(one.score is not None for one in found) - len(pareto_front(found))


def _is_refusal(one: Candidate) -> bool:
    """Whether its engine could not run at all, rather than too slowly."""
    return not one.left_out.startswith("computes more")
