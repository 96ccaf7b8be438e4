"""One page of HTML that needs nothing from outside, in light and dark."""

import base64
from collections.abc import Iterable, Sequence
from html import escape

_STYLE = """
:root { color-scheme: light dark; --ink: #1b2330; --soft: #5c6675; --paper: #fff; --card: #f5f7fa;
  --line: #dde2e9; --main: #2563c9; --second: #c2571a; --bad: #c81e3c; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6eaf0; --soft: #9aa5b4; --paper: #12161c; --card: #1b212a; --line: #313a47;
    --main: #6ea8fe; --second: #f0a060; --bad: #ff6b81; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1060px; padding: 24px 20px 60px; color: var(--ink);
  background: var(--paper); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
h1 { font-size: 20px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 38px 0 8px; border-bottom: 1px solid var(--line); }
p { margin: 6px 0; max-width: 80ch; } .soft { color: var(--soft); }
.headline { font-size: 46px; font-weight: 650; line-height: 1.1; margin: 14px 0 2px; }
.tiles { display: flex; flex-wrap: wrap; gap: 10px; margin: 16px 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 8px 14px; } .tile b { display: block; font-size: 19px; }
svg { max-width: 100%; height: auto; display: block; }
svg text { fill: var(--ink); font-size: 12px; dominant-baseline: central; }
svg .end { text-anchor: end; } svg .mid { text-anchor: middle; } svg .small { font-size: 10px; }
svg .strong { fill: var(--paper); font-weight: 600; }
svg .rail { fill: var(--card); } svg .bar { stroke: var(--soft); stroke-width: .5; }
svg .grid { stroke: var(--line); } svg .cell { fill: var(--main); }
svg .frame { fill: none; stroke: var(--line); }
svg polyline { fill: none; stroke-width: 2; }
.line0 polyline { stroke: var(--main); } .line0 circle { fill: var(--main); }
.line1 polyline { stroke: var(--second); } .line1 circle { fill: var(--second); }
.key { margin-right: 18px; } .key::before { content: ""; display: inline-block; width: 14px;
  height: 4px; margin-right: 6px; vertical-align: middle; background: var(--main); }
.key1::before { background: var(--second); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 8px 0; }
th, td { text-align: left; padding: 3px 16px 3px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 500; } td.number, th.number { text-align: right;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
.columns { display: flex; flex-wrap: wrap; gap: 8px 44px; }
figure { margin: 14px 0; } figcaption { margin-bottom: 4px; overflow-wrap: anywhere; }
.views { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 6px; }
.views img { width: 100%; border-radius: 4px; display: block; }
.views span { color: var(--soft); font-size: 12px; }
@media (max-width: 640px) { .views { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
"""


def page(title: str, body: str) -> str:
    """A whole page; nothing in it is fetched, and no script can run in it.

    Args:
        title: As text.
        body: As HTML.
    """
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body>{body}</body></html>\n"
    )


def headline(title: str, number: str) -> str:
    """What the page is about, and the one number to take away."""
    return f'<h1>{escape(title)}</h1><p class="headline">{escape(number)}</p>'


def section(title: str, *parts: str) -> str:
    """A heading and what stands below it, as HTML; nothing at all if that is empty."""
    content = "".join(parts)
    return f"<section><h2>{escape(title)}</h2>{content}</section>\n" if content else ""


def paragraph(text: str, *, soft: bool = False) -> str:
    """A paragraph of plain text."""
    return f"<p{' class=soft' if soft else ''}>{escape(text)}</p>"


def tiles(pairs: Iterable[tuple[str, str]]) -> str:
    """Numbers with their names."""
    found = "".join(
        f'<div class="tile"><b>{escape(value)}</b>{escape(name)}</div>' for name, value in pairs
    )
    return f'<div class="tiles">{found}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of plain text; the first column to the left, the others to the right."""

    def row(cells: Sequence[str], tag: str) -> str:
        return "".join(
            f"<{tag}{' class=number' if index else ''}>{escape(cell)}</{tag}>"
            for index, cell in enumerate(cells)
        )

    lines = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in rows)
    return f'<div class="wide"><table><tr>{row(head, "th")}</tr>{lines}</table></div>'


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and texts, one below the other."""
    lines = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in pairs
    )
    return f"<table>{lines}</table>"


def views(caption: str, pictures: Iterable[tuple[str, bytes]]) -> str:
    """Pictures side by side.

    Args:
        caption: As text.
        pictures: Name and JPEG file of each.
    """
    found = "".join(
        f'<div><img loading="lazy" alt="{escape(name)}" '
        f'src="data:image/jpeg;base64,{base64.b64encode(content).decode()}">'
        f"<span>{escape(name)}</span></div>"
        for name, content in pictures
    )
    return (
        f'<figure><figcaption>{escape(caption)}</figcaption><div class="views">{found}</div>'
        "</figure>"
    )
