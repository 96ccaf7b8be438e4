"""Charts of what was measured: bars of times, and scores over times."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from atrous.speed.drawing import Box, Dot, Drawing, Line, Shape, Words

# Okabe and Ito's colours, which most colour-blind people can tell apart.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_GREY = "#999999"
_ROW = 26
_BAR = 380
_LETTER = 6.6
"""Mean width of a letter."""
_WIDTH, _HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 24, 76, 52


@dataclass(frozen=True)
class Bar:
    """Two lengths of one row: a part, and the whole that it is a part of."""

    name: str
    part: float
    whole: float
    note: str = ""
    color: str = COLORS[0]


def draw_bars(bars: Sequence[Bar], *, title: str, unit: str, parts: tuple[str, str]) -> Drawing:
    """Horizontal bars, the part dark and the rest of the whole light.

    Args:
        bars: From top to bottom.
        title: Above them.
        unit: Of the lengths.
        parts: What the part is, and what the rest.
    """
    left = 24 + _LETTER * max((len(bar.name) for bar in bars), default=0)
    longest = max((max(bar.part, bar.whole) for bar in bars), default=1.0) or 1.0
    notes = max((len(_note(bar, unit)) for bar in bars), default=0)
    legend = f"dark: {parts[0]}; with the light end: {parts[1]}"
    shapes: list[Shape] = [Words(16, 18, title), Words(16, 38, legend, color="#666666")]
    for index, bar in enumerate(bars):
        y = 56 + index * _ROW
        whole = max(bar.whole, bar.part)
        shapes += [
            Words(left - 8, y + _ROW / 2 - 3, bar.name, "end"),
            Box(left, y, _BAR * whole / longest, _ROW - 8, lighter(bar.color)),
            Box(left, y, _BAR * bar.part / longest, _ROW - 8, bar.color),
            Words(left + _BAR * whole / longest + 8, y + _ROW / 2 - 3, _note(bar, unit)),
        ]
    width = int(max(left + _BAR + 24 + _LETTER * notes, 32 + _LETTER * len(title)))
    return Drawing(width, 68 + len(bars) * _ROW, shapes, title)


def _note(bar: Bar, unit: str) -> str:
    return f"{bar.whole:.0f} {unit}{f', {bar.note}' if bar.note else ''}"


@dataclass(frozen=True)
class Point:
    """A time and a score."""

    x: float
    y: float
    title: str
    strong: bool = False
    """Whether nothing else is better in every way."""
    chosen: bool = False


def draw_points(points: Sequence[Point], *, title: str, across: str, up: str) -> Drawing:
    """Scores over times; the strong ones are coloured and the chosen one is named.

    Args:
        points: At least one.
        title: Above them.
        across: What x is, with its unit.
        up: What y is; a share, drawn in percent.
    """
    right = nice_ceiling(max(point.x for point in points))
    lowest, highest = min(point.y for point in points), max(point.y for point in points)
    low, high = math.floor(lowest * 20) / 20, math.ceil(highest * 20 + 0.2) / 20

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + x / right * (_WIDTH - _LEFT - _RIGHT),
            _TOP + (high - y) / (high - low) * (_HEIGHT - _TOP - _BOTTOM),
        )

    shapes: list[Shape] = [Words(16, 18, title)]
    shapes += [Words(16, 38, point.title, color=COLORS[1]) for point in points if point.chosen]
    for index in range(5):
        y, x = low + (high - low) * index / 4, right * index / 4
        (_, level), (column, _) = place(0, y), place(x, low)
        shapes += [
            Line(_LEFT, level, _WIDTH - _RIGHT, level),
            Words(_LEFT - 6, level, f"{100 * y:.3g} %", "end"),
            Words(column, _HEIGHT - _BOTTOM + 14, f"{x:g}", "middle"),
        ]
    shapes.append(Words((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 14, across, "middle"))
    shapes.append(Words(16, _TOP - 16, up, color="#666666"))
    for point in sorted(points, key=lambda point: (point.chosen, point.strong)):
        shapes.append(_mark(point, *place(point.x, point.y)))
    return Drawing(_WIDTH, _HEIGHT, shapes, f"{up} over {across}")


def _mark(point: Point, x: float, y: float) -> Dot:
    if point.chosen:
        return Dot(x, y, 8, COLORS[1], point.title)
    radius, color = (5, COLORS[0]) if point.strong else (3.5, _GREY)
    return Dot(x, y, radius, color, point.title)


def nice_ceiling(value: float) -> float:
    """The next of 1, 2, 3, 4, 6, 8 times a power of ten that is not below a positive value.

    Examples:
        >>> nice_ceiling(130), nice_ceiling(0.03), nice_ceiling(5)
        (200.0, 0.03, 6.0)
    """
    power = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    steps = (1, 2, 3, 4, 6, 8, 10)
    return next((step * power for step in steps if step * power >= value * (1 - 1e-9)), 10 * power)


def lighter(color: str) -> str:
    """A colour halfway to white.

    Examples:
        >>> lighter("#0072b2")
        '#7fb8d8'
    """
    values = (int(color[start : start + 2], 16) for start in (1, 3, 5))
    return "#" + "".join(f"{(value + 255) // 2:02x}" for value in values)
