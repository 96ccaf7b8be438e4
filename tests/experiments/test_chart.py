"""Charts show the values that they are given."""

import math
import re
from xml.etree import ElementTree

import pytest

from experiments.chart import Line, draw_differences, draw_lines
from experiments.compare import Estimate, difference

SVG = "{http://www.w3.org/2000/svg}"


def test_a_higher_mean_stands_higher_and_an_interval_lies_around_it():
    points = [(1.0, Estimate(0.2, 0.05, 0.0)), (2.0, Estimate(0.4, 0.05, 0.0))]
    tree = ElementTree.fromstring(draw_lines([Line("a", points)], across="x", up="y"))  # noqa: S314

    low, high = (float(dot.get("cy")) for dot in tree.findall(f"{SVG}circle")[:2])
    bars = [bar for bar in tree.findall(f"{SVG}line") if bar.get("x1") == bar.get("x2")]
    assert high < low
    assert float(bars[0].get("y2")) < low < float(bars[0].get("y1"))


def test_a_single_seed_is_drawn_without_an_interval():
    text = draw_lines([Line("a", [(1.0, Estimate(0.2, math.nan, math.nan))])], across="x", up="y")

    assert "nan" not in text


def test_differences_stand_right_of_the_line_where_they_are_gains():
    values, base = [0.5, 0.52, 0.51], [0.4, 0.41, 0.42]
    dots = [v - b for v, b in zip(values, base, strict=True)]
    text = draw_differences([("b", dots, difference(values, base))], across="points")
    tree = ElementTree.fromstring(text)  # noqa: S314

    (zero,) = (line for line in tree.findall(f"{SVG}line") if line.get("stroke") == "#444")
    assert all(float(c.get("cx")) > float(zero.get("x1")) for c in tree.findall(f"{SVG}circle"))


@pytest.mark.parametrize("high", [0.011, 0.1, 0.73, 1.0])
def test_axes_have_a_handful_of_round_numbers(high):
    points = [(1.0, Estimate(0.01, 0.0, 0.0)), (2.0, Estimate(high, 0.0, 0.0))]

    text = draw_lines([Line("a", points)], across="x", up="y")

    assert 2 <= len(re.findall(r">[\d.]+ %<", text)) <= 9


def test_names_are_escaped():
    text = draw_lines([Line("a < b", [(1.0, Estimate(0.2, 0.0, 0.0))])], across="x", up="y")

    assert "a &lt; b" in text
