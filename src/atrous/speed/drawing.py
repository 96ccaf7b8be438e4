"""A drawing of boxes, lines, dots and words, written as SVG or PNG."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Literal, TypeAlias

from PIL import Image, ImageDraw, ImageFont

from atrous.errors import ConfigError
from atrous.imaging import write_file

Anchor: TypeAlias = Literal["start", "middle", "end"]
_PIL_ANCHORS: Mapping[Anchor, str] = {"start": "lm", "middle": "mm", "end": "rm"}
_FONT_SIZE = 12
_SCALE = 2
"""Pixels of a PNG for each unit, so that it is sharp on fine screens."""


@dataclass(frozen=True)
class Box:
    """A filled rectangle, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    color: str


@dataclass(frozen=True)
class Line:
    """A straight line."""

    x1: float
    y1: float
    x2: float
    y2: float
    color: str = "#dddddd"


@dataclass(frozen=True)
class Dot:
    """A filled circle."""

    x: float
    y: float
    radius: float
    color: str
    title: str = ""
    """For those who point at it."""


@dataclass(frozen=True)
class Words:
    """One line of text; y is its middle."""

    x: float
    y: float
    text: str
    anchor: Anchor = "start"
    color: str = "#222222"


Shape: TypeAlias = Box | Line | Dot | Words


@dataclass(frozen=True)
class Drawing:
    """Shapes on white, later ones over earlier ones."""

    width: int
    height: int
    shapes: Sequence[Shape]
    what: str
    """What it shows, for those who cannot see it."""


def write_drawing(drawing: Drawing, path: Path, *, overwrite: bool = False) -> None:
    """Write a drawing as the file's ending says.

    Raises:
        ConfigError: If the ending is neither ``.svg`` nor ``.png``.
        ResourceError: If the file cannot be written.
    """
    content = _writer(path)(drawing)
    write_file(path, lambda file: file.write(content), overwrite=overwrite)


def check_drawing_path(path: Path) -> None:
    """Refuse another ending than those of drawings before anything is measured.

    Raises:
        ConfigError: If the ending is neither ``.svg`` nor ``.png``.
    """
    _writer(path)


def _writer(path: Path) -> Callable[[Drawing], bytes]:
    ending = path.suffix.lower()
    if ending not in _WRITERS:
        raise ConfigError(f"{path}: drawings are written as {' or '.join(_WRITERS)}")
    return _WRITERS[ending]


def to_svg(drawing: Drawing) -> bytes:
    """The drawing as an SVG file."""
    size = f'width="{drawing.width}" height="{drawing.height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} '
        f'viewBox="0 0 {drawing.width} {drawing.height}" role="img" '
        f'aria-label="{escape(drawing.what)}" font-family="sans-serif" '
        f'font-size="{_FONT_SIZE}" dominant-baseline="central">',
        f'<rect {size} fill="#ffffff"/>',
        *(_svg_of(shape) for shape in drawing.shapes),
        "</svg>\n",
    ]
    return "\n".join(lines).encode()


def _svg_of(shape: Shape) -> str:
    match shape:
        case Box(x, y, width, height, color):
            where = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
            return f'<rect {where} fill="{color}"/>'
        case Line(x1, y1, x2, y2, color):
            where = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
            return f'<line {where} stroke="{color}"/>'
        case Dot(x, y, radius, color, title):
            told = f"<title>{escape(title)}</title>" if title else ""
            return (
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{color}">{told}</circle>'
            )
        case Words(x, y, text, anchor, color):
            return (
                f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">'
                f"{escape(text)}</text>"
            )


def to_png(drawing: Drawing) -> bytes:
    """The drawing as a PNG file of twice its size in pixels."""
    image = Image.new("RGB", (drawing.width * _SCALE, drawing.height * _SCALE), "#ffffff")
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(_FONT_SIZE * _SCALE)
    for shape in drawing.shapes:
        _draw(draw, shape, font)
    file = io.BytesIO()
    image.save(file, "png")
    return file.getvalue()


def _draw(
    draw: ImageDraw.ImageDraw,
    shape: Shape,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    match shape:
        case Box(x, y, width, height, color):
            corners = (x, y, x + max(width, 1 / _SCALE), y + height)
            draw.rectangle([_SCALE * value for value in corners], fill=color)
        case Line(x1, y1, x2, y2, color):
            draw.line([_SCALE * value for value in (x1, y1, x2, y2)], fill=color, width=_SCALE)
        case Dot(x, y, radius, color):
            draw.circle((_SCALE * x, _SCALE * y), _SCALE * radius, fill=color)
        case Words(x, y, text, anchor, color):
            place = (_SCALE * x, _SCALE * y)
            draw.text(place, text, fill=color, font=font, anchor=_PIL_ANCHORS[anchor])


_WRITERS: Mapping[str, Callable[[Drawing], bytes]] = {".svg": to_svg, ".png": to_png}
