"""Charts as SVG and PNG."""

import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from atrous.errors import ConfigError
from atrous.speed.charts import Bar, Point, draw_bars, draw_points
from atrous.speed.drawing import Box, Drawing, to_png, to_svg, write_drawing

CHARTS = {
    "bars": draw_bars(
        [Bar("a <model>", 20, 30, "90% of peak"), Bar("b", 10, 15)],
        title="times",
        unit="ms",
        parts=("the network", "the rest"),
    ),
    "points": draw_points(
        [Point(10, 0.5, "quick", strong=True), Point(90, 0.7, "good", chosen=True)],
        title="scores",
        across="ms",
        up="mean IoU",
    ),
}


@pytest.mark.parametrize("name", CHARTS)
def test_charts_are_whole_svg_and_png_files(name):
    chart = CHARTS[name]

    root = ET.fromstring(to_svg(chart))  # noqa: S314 - our own
    image = Image.open(io.BytesIO(to_png(chart)))

    assert root.get("width") == str(chart.width)
    assert image.size == (2 * chart.width, 2 * chart.height)
    assert len(np.unique(np.asarray(image))) > 10


def test_bars_are_as_long_as_their_values():
    wholes = [shape.width for shape in CHARTS["bars"].shapes if isinstance(shape, Box)]

    assert wholes == [pytest.approx(wholes[0] * part) for part in (1, 2 / 3, 1 / 2, 1 / 3)]


def test_every_shape_lies_within_the_drawing():
    for chart in CHARTS.values():
        for shape in chart.shapes:
            if hasattr(shape, "x"):
                assert 0 <= shape.x <= chart.width
                assert 0 <= shape.y <= chart.height


def test_both_forms_have_a_box_in_the_same_place(tmp_path):
    drawing = Drawing(40, 30, [Box(10, 5, 20, 10, "#0072b2")], "a box")

    pixels = np.asarray(Image.open(io.BytesIO(to_png(drawing))))

    assert tuple(pixels[20, 40]) == (0x00, 0x72, 0xB2)
    assert tuple(pixels[2, 2]) == (255, 255, 255)
    assert b'x="10.0" y="5.0" width="20.0" height="10.0"' in to_svg(drawing)


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"written as \.svg or \.png"):
        write_drawing(CHARTS["bars"], tmp_path / "chart.pdf")
