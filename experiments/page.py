"""The page of the experiments: its tables and charts, from the records."""

from collections.abc import Mapping
from math import isnan
from pathlib import Path

from experiments.catalogue import EXPERIMENTS, Experiment
from experiments.chart import Line, draw_differences, draw_lines
from experiments.compare import Estimate, difference, estimate, records_of
from experiments.records import Record, read_records
from experiments.samples import write_samples
from experiments.tasks import TASKS, TRIMAP_WIDTHS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "experiments.md"
RUNS = Path(__file__).parent / "runs.jsonl"

_NAMES = {"accuracy": "accuracy", "mean_iou": "mean IoU"}


def write_page(runs: Path = RUNS, page: Path = PAGE, *, steps: int | None = None) -> None:
    """Put the tables into a page, and the charts into ``images/experiments`` beside it.

    Args:
        runs: JSON lines of records.
        page: Has a line ``<!-- experiment NAME -->`` for each, and ``<!-- end -->`` behind it.
        steps: Of the trainings that are shown; None for the tasks' own.
    """
    images = page.parent / "images" / "experiments"
    records, text = read_records(runs), page.read_text()
    images.mkdir(parents=True, exist_ok=True)
    write_samples(images / "drawings.png")
    for name, experiment in EXPERIMENTS.items():
        own = TASKS[experiment.task].train.steps or 0
        found = records_of(experiment, records, steps=steps or own)
        if not any(found.values()):
            continue
        (images / f"{name}.svg").write_text(chart(experiment, found))
        begin, end = f"<!-- experiment {name} -->\n", "<!-- end -->"
        before, there, behind = text.partition(begin)
        if there:
            text = before + begin + table(experiment, found) + end + behind.partition(end)[2]
    page.write_text(text)


def table(experiment: Experiment, found: Mapping[str, list[Record]]) -> str:
    """Markdown: size, score and difference of each setting.

    Args:
        experiment: What was compared.
        found: See `records_of`; at least one seed.
    """
    score = TASKS[experiment.task].score
    first = next(iter(found))
    seeds = len(found[first])
    lines = [
        f"Seeds: {seeds}.",
        "",
        f"| setting | weights | multiply-adds | {_NAMES[score]} | points more than *{first}* |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, rows in found.items():
        value = estimate(_scores(rows, score))
        apart = (
            ""
            if name == first
            else _signed(difference(_scores(rows, score), _scores(found[first], score)))
        )
        lines.append(
            f"| {name} | {rows[0].weights:,} | {rows[0].multiply_adds / 1e6:.1f} M "
            f"| {_with_spread(value)} | {apart} |"
        )
    if experiment.chart == "trimap":
        lines += _band_table(found)
    return "\n".join(lines) + "\n"


def chart(experiment: Experiment, found: Mapping[str, list[Record]]) -> str:
    """The chart that an experiment asks for, as SVG."""
    if experiment.chart == "course":
        return draw_lines(
            [_course(name, rows) for name, rows in found.items()],
            across="optimizer steps",
            up=_NAMES[TASKS[experiment.task].score],
        )
    if experiment.chart == "trimap":
        return draw_lines(
            [_trimap(name, rows) for name, rows in found.items()],
            across="width of the band around outlines, pixels",
            up="mean IoU inside the band",
        )
    score = TASKS[experiment.task].score
    (first, base), *others = ((name, _scores(rows, score)) for name, rows in found.items())
    return draw_differences(
        [
            (name, [v - b for v, b in zip(values, base, strict=True)], difference(values, base))
            for name, values in others
        ],
        across=f"{_NAMES[score]}, points more than {first}",
    )


def _scores(rows: list[Record], score: str) -> list[float]:
    return [float(row.scores[score]) for row in rows]


def _course(name: str, rows: list[Record]) -> Line:
    steps = [float(step) for step, _ in rows[0].course]
    return Line(name, steps, [[score for _, score in row.course] for row in rows])


def _trimap(name: str, rows: list[Record]) -> Line:
    return Line(name, TRIMAP_WIDTHS, [row.scores["trimap"] for row in rows])


def _band_table(found: Mapping[str, list[Record]]) -> list[str]:
    """Markdown: mean IoU in each band, and the first setting less the second."""
    (first, ours), (second, theirs) = found.items()
    lines = [
        "",
        f"| band, pixels | {first} | {second} | points more than *{second}* |",
        "| --- | --- | --- | --- |",
    ]
    for index, width in enumerate(TRIMAP_WIDTHS):
        one, other = ([row.scores["trimap"][index] for row in rows] for rows in (ours, theirs))
        lines.append(
            f"| {width} | {_with_spread(estimate(one))} | {_with_spread(estimate(other))} "
            f"| {_signed(difference(one, other))} |"
        )
    return lines


def _with_spread(value: Estimate) -> str:
    mean = f"{100 * value.mean:.1f} %"
    return mean if isnan(value.spread) else f"{mean} ± {100 * value.spread:.1f}"


def _signed(value: Estimate) -> str:
    if isnan(value.reach):
        return f"{100 * value.mean:+.1f}"
    low, high = 100 * (value.mean - value.reach), 100 * (value.mean + value.reach)
    interval = f"{100 * value.mean:+.1f} ({low:+.1f} to {high:+.1f})"
    return f"**{interval}**" if value.excludes_zero else interval
