"""Charts as inline SVG: bars, curves and a matrix. Colours come from the page's style."""

import math
from collections.abc import Sequence
from html import escape

from atrous.reports.report import Color

_ROW = 22
_NAMES, _BAR, _VALUES = 190, 420, 110
_CELL = 26
_WIDTH, _HEIGHT = 460, 230
_LEFT, _BOTTOM, _TOP, _RIGHT = 46, 34, 10, 14


def percent(value: float | None, digits: int = 2) -> str:
    """A share as text; a dash where there is none.

    Examples:
        >>> percent(0.78014), percent(None)
        ('78.01 %', '-')
    """
    return "-" if value is None else f"{value:.{digits}%}".replace("%", " %")


def bars(rows: Sequence[tuple[str, float | None, str]], *, what: str) -> str:
    """Horizontal bars from 0 to 1.

    Args:
        rows: Name, value, and CSS colour of each.
        what: What the chart shows, for those who cannot see it.
    """
    parts = []
    for index, (name, value, color) in enumerate(rows):
        top, middle = index * _ROW, index * _ROW + _ROW / 2
        length = _BAR * min(max(value or 0.0, 0.0), 1.0)
        parts.append(
            f'<text x="{_NAMES - 10}" y="{middle}" class="end">{escape(_short(name))}</text>'
            f'<rect x="{_NAMES}" y="{top + 3}" width="{_BAR}" height="{_ROW - 7}" class="rail"/>'
            f'<rect x="{_NAMES}" y="{top + 3}" width="{length:.1f}" height="{_ROW - 7}" '
            f'class="bar" style="fill:{color}"/>'
            f'<text x="{_NAMES + _BAR + 8}" y="{middle}">{percent(value)}</text>'
        )
    return _svg(_NAMES + _BAR + _VALUES, len(rows) * _ROW, "".join(parts), what)


def curves(
    series: Sequence[tuple[str, Sequence[tuple[float, float | None]]]],
    *,
    ticks: Sequence[float],
    what: str,
    across: str,
) -> str:
    """Lines over one axis across; values go from the lowest tenth below them all up to 1.

    Args:
        series: Name and points (x, value) of each line; points without a value are left out.
        ticks: Where numbers stand on the axis across.
        what: What the chart shows, for those who cannot see it.
        across: What runs across, with its unit.
    """
    points = [(x, y) for _, line in series for x, y in line if y is not None]
    if not points:
        return ""
    right = max(x for x, _ in points) or 1.0
    low = math.floor(min(y for _, y in points) * 10) / 10
    low = min(low, 0.9)

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + x / right * (_WIDTH - _LEFT - _RIGHT),
            _TOP + (1 - y) / (1 - low) * (_HEIGHT - _TOP - _BOTTOM),
        )

    parts = []
    for tenth in range(round(low * 10), 11):
        _, y = place(0, tenth / 10)
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
            f'<text x="{_LEFT - 6}" y="{y:.1f}" class="end">{10 * tenth} %</text>'
        )
    for x in ticks:
        left, _ = place(x, low)
        parts.append(f'<text x="{left:.1f}" y="{_HEIGHT - 22}" class="mid">{x:g}</text>')
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{_HEIGHT - 7}" class="mid">{escape(across)}</text>')
    for index, (name, line) in enumerate(series):
        there = [place(x, y) for x, y in line if y is not None]
        dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in there)
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in there)
        parts.append(
            f'<g class="line{index}"><title>{escape(name)}</title>'
            f'<polyline points="{path}"/>{dots}</g>'
        )
    legend = "".join(
        f'<span class="key key{index}">{escape(name)}</span>'
        for index, (name, _) in enumerate(series)
    )
    return _svg(_WIDTH, _HEIGHT, "".join(parts), what) + f"<p>{legend}</p>"


def matrix(names: Sequence[str], counts: Sequence[Sequence[int]], *, what: str) -> str:
    """A confusion matrix: rows are true classes, each shaded by its own sum.

    Args:
        names: Of the classes.
        counts: Pixels by true and predicted class.
        what: What the chart shows, for those who cannot see it.
    """
    left, top = 130, 100
    parts = []
    for row, (name, values) in enumerate(zip(names, counts, strict=True)):
        y = top + row * _CELL
        x = left + row * _CELL + _CELL / 2
        label = escape(_short(name, 16))
        parts.append(
            f'<text x="{left - 8}" y="{y + _CELL / 2}" class="end">{label}</text>'
            f'<text transform="translate({x} {top - 8}) rotate(-50)">{label}</text>'
        )
        total = sum(values)
        for column, value in enumerate(values):
            share = value / total if total else 0.0
            parts.append(_cell(left + column * _CELL, y, share, f"{name} → {names[column]}"))
    size = len(names) * _CELL
    return _svg(left + size + 70, top + size + 4, "".join(parts), what)


def _cell(x: float, y: float, share: float, title: str) -> str:
    number = f"{round(100 * share)}" if share >= 0.005 else ""
    # The eye tells small shares apart better when they are raised.
    return (
        f'<g><title>{escape(title)}: {percent(share)}</title><rect x="{x}" y="{y}" '
        f'width="{_CELL - 1}" height="{_CELL - 1}" class="cell" '
        f'fill-opacity="{share**0.6:.3f}"/><rect x="{x}" y="{y}" width="{_CELL - 1}" '
        f'height="{_CELL - 1}" class="frame"/><text x="{x + _CELL / 2 - 0.5}" '
        f'y="{y + _CELL / 2}" class="mid small{" strong" if share > 0.4 else ""}">{number}'
        "</text></g>"
    )


def css_color(color: Color) -> str:
    """An RGB colour for a style."""
    red, green, blue = color
    return f"rgb({red},{green},{blue})"


def _short(name: str, most: int = 26) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _svg(width: float, height: float, content: str, what: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img" '
        f'aria-label="{escape(what)}">{content}</svg>'
    )
