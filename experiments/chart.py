"""Charts of seeds, their means and intervals, as SVG files that stand alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from statistics import fmean

from experiments.compare import Estimate

# Okabe and Ito's colours, which most colour-blind people can tell apart.
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_WIDTH, _HEIGHT = 640, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 170, 28, 44
_ROW = 34


@dataclass(frozen=True)
class Line:
    """A line of a chart: a name, and for each seed a value at each place."""

    name: str
    places: Sequence[float]
    seeds: Sequence[Sequence[float]]

    @property
    def means(self) -> list[float]:
        """Over the seeds, at each place."""
        return [fmean(values) for values in zip(*self.seeds, strict=True)]


def draw_lines(lines: Sequence[Line], *, across: str, up: str) -> str:
    """Means over a common axis as strong lines, and each seed as a weak one.

    Args:
        lines: At most six, all at the same places.
        across: What the axis across is, with its unit.
        up: What the axis upwards is; values are fractions, and drawn in percent.
    """
    values = [value for line in lines for seed in line.seeds for value in seed]
    places = lines[0].places
    ticks = _ticks(min(values), max(values))
    plot_width, plot_height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def spot(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + x / places[-1] * plot_width,
            _TOP + (ticks[-1] - y) / (ticks[-1] - ticks[0]) * plot_height,
        )

    parts = [_grid_line(_LEFT, _LEFT + plot_width, spot(0, tick)[1], tick) for tick in ticks]
    parts += [_text(spot(x, 0)[0], _HEIGHT - 26, f"{x:g}", "middle") for x in places]
    parts.append(_text(_LEFT + plot_width / 2, _HEIGHT - 8, across, "middle"))
    parts.append(_text(_LEFT, 14, up, "start"))
    for index, line in enumerate(lines):
        color = _COLORS[index]
        for seed in line.seeds:
            spots = [spot(x, y) for x, y in zip(places, seed, strict=True)]
            parts.append(_path(spots, f'stroke="{color}" stroke-opacity="0.3"'))
        spots = [spot(x, y) for x, y in zip(places, line.means, strict=True)]
        parts.append(_path(spots, f'stroke="{color}" stroke-width="3"'))
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{color}"/>' for x, y in spots]
        y = _TOP + 12 + 20 * index
        parts.append(
            f'<circle cx="{_WIDTH - _RIGHT + 20}" cy="{y - 4}" r="5" fill="{color}"/>'
            + _text(_WIDTH - _RIGHT + 32, y, line.name, "start")
        )
    return _svg(_HEIGHT, parts, f"{up} over {across}")


def draw_differences(rows: Sequence[tuple[str, Sequence[float], Estimate]], *, across: str) -> str:
    """Differences to one setting: a dot for each seed, the mean and its interval, and a line at 0.

    Args:
        rows: Name, difference of each seed, and their estimate.
        across: What is compared; values are fractions, and drawn in points of percent.
    """
    values = [0.0, *(v for _, dots, mean in rows for v in (*dots, *_bounds(mean)))]
    ticks = _ticks(min(values), max(values))
    height = _ROW * len(rows) + 48
    left = _RIGHT - 20
    plot_width = _WIDTH - left - 20

    def place(value: float) -> float:
        return left + (value - ticks[0]) / (ticks[-1] - ticks[0]) * plot_width

    bottom = height - 44
    parts = []
    for tick in ticks:
        strong = abs(tick) < 1e-9
        parts.append(
            f'<line x1="{place(tick):.1f}" x2="{place(tick):.1f}" y1="4" y2="{bottom}" '
            f'stroke="{"#444" if strong else "#ddd"}"/>'
            + _text(place(tick), height - 28, _points(tick), "middle")
        )
    parts.append(_text(left + plot_width / 2, height - 8, across, "middle"))
    for index, (name, dots, mean) in enumerate(rows):
        y = 4 + _ROW * index + _ROW / 2
        low, high = (place(bound) for bound in _bounds(mean))
        parts.append(_text(left - 10, y + 4, name, "end"))
        parts += [
            f'<circle cx="{place(dot):.1f}" cy="{y + 7}" r="2.5" fill="#999"/>' for dot in dots
        ]
        parts.append(
            f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y - 2}" y2="{y - 2}" '
            f'stroke="{_COLORS[0]}" stroke-width="2"/>'
            f'<circle cx="{place(mean.mean):.1f}" cy="{y - 2}" r="4.5" fill="{_COLORS[0]}"/>'
        )
    return _svg(height, parts, across)


def _bounds(point: Estimate) -> tuple[float, float]:
    reach = 0.0 if math.isnan(point.reach) else point.reach
    return point.mean - reach, point.mean + reach


def _path(spots: Sequence[tuple[float, float]], style: str) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    return f'<polyline points="{points}" fill="none" {style}/>'


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers, four to nine of them, that enclose a range."""
    span = max(high - low, 1e-3)
    power = 10.0 ** math.floor(math.log10(span))
    step = next(f * power for f in (0.2, 0.5, 1.0, 2.0) if span / (f * power) <= 6)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [index * step for index in range(first, max(last, first + 1) + 1)]


def _grid_line(left: float, right: float, y: float, value: float) -> str:
    return f'<line x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>' + _text(
        left - 6, y + 4, f"{100 * value:.3g} %", "end"
    )


def _points(value: float) -> str:
    return "0" if abs(value) < 1e-9 else f"{100 * value:+.3g}"


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(height: float, parts: Sequence[str], what: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:g}" '
        f'width="{_WIDTH}" height="{height:g}" role="img" aria-label="{escape(what)}" '
        'font-family="sans-serif" font-size="12" fill="#222">\n'
        f'<rect width="{_WIDTH}" height="{height:g}" fill="#fff"/>\n' + "\n".join(parts) + "\n"
        "</svg>\n"
    )
