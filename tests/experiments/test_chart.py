"""Charts show the values that they are given."""

import re
from xml.etree import ElementTree

import pytest

from experiments.chart import Line, draw_differences, draw_lines
from experiments.compare import difference

SVG = "{http://www.w3.org/2000/svg}"


def test_means_lie_between_their_seeds_and_higher_ones_stand_higher():
    line = Line("a", (1.0, 2.0), [(0.1, 0.4), (0.3, 0.6)])
    tree = ElementTree.fromstring(draw_lines([line], across="x", up="y"))  # noqa: S314

    heights = [
        [float(spot.split(",")[1]) for spot in path.get("points").split()]
        for path in tree.findall(f"{SVG}polyline")
    ]
    assert all(high < mean < low for low, high, mean in zip(*heights, strict=True))
    assert heights[2][1] < heights[2][0]


def test_a_single_seed_has_a_difference_without_an_interval():
    text = draw_differences([("b", [0.1], difference([0.5], [0.4]))], across="points")

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
    text = draw_lines([Line("a", (1.0, 2.0), [(0.01, high)])], across="x", up="y")

    assert 2 <= len(re.findall(r">[\d.]+ %<", text)) <= 9


def test_names_are_escaped():
    text = draw_lines([Line("a < b", (1.0,), [(0.2,)])], across="x", up="y")

    assert "a &lt; b" in text
