"""The doctor's report as one HTML file that opens without a network."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import groupby
from pathlib import Path

from atrous.data.doctor.check import Report
from atrous.data.doctor.finding import KINDS, Finding
from atrous.data.doctor.mend import describe_as_toml
from atrous.data.doctor.thumbnails import Thumbnails
from atrous.imaging import write_file

_PICTURES = 6
_LISTED = 1000

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882 }
:root { --error: #c62828; --warning: #b26a00 }
@media (prefers-color-scheme: dark) { :root { --error: #ff8a80; --warning: #ffb74d } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.15rem; margin: 2.2rem 0 .3rem }
.error { color: var(--error) } .warning { color: var(--warning) }
table { border-collapse: collapse; width: 100% }
td, th { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: left }
.number { text-align: right; font-variant-numeric: tabular-nums }
.bar { background: var(--soft); min-width: 6rem } .bar i { display: block; height: .8rem }
.gallery { display: flex; flex-wrap: wrap; gap: 1rem; margin: .8rem 0 }
figure { margin: 0; width: 19.5rem } figure div { display: flex; gap: .25rem }
figure img, .blank { width: 9.6rem; height: 7.2rem; object-fit: contain; background: var(--soft) }
.blank { display: grid; place-items: center; font-size: .8rem }
figcaption { font-size: .8rem; overflow-wrap: anywhere }
pre { background: var(--soft); padding: .8rem; overflow: auto; max-height: 24rem }
"""


def write_page(report: Report, path: Path) -> None:
    """Write the report as a page with pictures of each kind of fault.

    Raises:
        ResourceError: If the file is there already, or cannot be written.
    """
    text = "\n".join(_page(report)).encode("utf-8", "replace")
    write_file(path, lambda file: file.write(text))


def _page(report: Report) -> Iterator[str]:
    name = escape(report.listing.root.resolve().name)
    # Nothing may be loaded or run, whatever the names of files and classes hold.
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    yield "<!doctype html><html lang=en><meta charset=utf-8>"
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield "<meta name=viewport content='width=device-width, initial-scale=1'>"
    yield f"<title>{name}: data check</title><style>{_STYLE}</style>"
    yield f"<h1>{name}</h1><p>{escape(describe(report))}</p>"
    groups = [(kind, list(group)) for kind, group in groupby(report.findings, lambda f: f.kind)]
    yield from _overview(groups)
    thumbnails = Thumbnails(report)
    for kind, findings in groups:
        yield from _section(kind, findings, thumbnails)
    if report.proposal.changes:
        yield "<h2>Proposed dataset.toml</h2>"
        yield f"<pre>{escape(describe_as_toml(report.proposal))}</pre>"
    yield from _classes(report)


def describe(report: Report) -> str:
    """Layout, splits and the verdict in one paragraph."""
    listing = report.listing
    count = {s: sum(pair.entry.split == s for pair in report.pairs) for s in listing.splits}
    parts = ", ".join(f"{_plural(n, 'pair')} in {split}" for split, n in count.items())
    skipped = f"; not looked at: {', '.join(listing.left_out)}" if listing.left_out else ""
    errors = len(report.errors)
    verdict = (
        f"{_plural(errors, 'error')} and {_plural(len(report.findings) - errors, 'warning')}"
        if report.findings
        else "Nothing wrong was found"
    )
    return f"Layout {listing.layout} ({listing.reason}); {parts or 'no pairs'}{skipped}. {verdict}."


def _plural(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _overview(groups: Sequence[tuple[str, list[Finding]]]) -> Iterator[str]:
    if not groups:
        return
    yield "<table><tr><th>severity<th>what<th class=number>how often<th>what to do"
    for kind, findings in groups:
        about = KINDS[kind]
        yield (
            f"<tr><td class={about.severity}>{about.severity}"
            f"<td><a href='#{kind}'>{escape(about.title)}</a>"
            f"<td class=number>{len(findings)}<td>{escape(about.advice)}"
        )
    yield "</table>"


def _section(kind: str, findings: Sequence[Finding], thumbnails: Thumbnails) -> Iterator[str]:
    about = KINDS[kind]
    yield f"<h2 id={kind} class={about.severity}>{escape(about.title)} ({len(findings)})</h2>"
    yield f"<p>{escape(about.advice)}</p><div class=gallery>"
    for finding in findings[:_PICTURES]:
        pictures = "".join(_picture(uri) for uri in thumbnails.of(finding))
        if pictures:
            caption = f"{escape(finding.where)}<br>{escape(finding.what)}"
            yield f"<figure><div>{pictures}</div><figcaption>{caption}</figcaption></figure>"
    yield "</div><details><summary>Every place</summary><table>"
    for finding in findings[:_LISTED]:
        yield f"<tr><td>{escape(finding.where)}<td>{escape(finding.what)}"
    more = len(findings) - _LISTED
    yield f"</table>{f'and {more} more' if more > 0 else ''}</details>"


def _picture(uri: str | None) -> str:
    return f"<img alt='' src='{uri}'>" if uri else "<span class=blank>cannot be read</span>"


def _classes(report: Report) -> Iterator[str]:
    yield "<h2>Classes</h2><table><tr><th class=number>index<th>name<th class=number>share<th>"
    splits = report.listing.splits
    yield from (f"<th class=number>pictures in {escape(split)}" for split in splits)
    yield "<th class=number>weight"
    most = max((row.share for row in report.classes), default=0) or 1
    for row in report.classes:
        red, green, blue = report.proposal.label_set.palette[row.index]
        style = f"width:{100 * row.share / most:.1f}%;background:rgb({red},{green},{blue})"
        yield (
            f"<tr><td class=number>{row.index}<td>{escape(row.name)}"
            f"<td class=number>{row.share:.2%}<td class=bar><i style='{style}'></i>"
        )
        yield from _numbers(row.pictures[split] for split in splits)
        yield f"<td class=number>{'-' if row.weight is None else f'{row.weight:.3f}'}"
    yield "</table><p>weight: median frequency balancing over the training pictures.</p>"
    if report.suggestion:
        (height, width), (low, high) = report.suggestion.crop_size, report.suggestion.scale
        yield f"<p>Suggested crop_size [{height}, {width}], scale [{low}, {high}].</p>"


def _numbers(values: Iterable[int]) -> Iterator[str]:
    yield from (f"<td class=number>{value}" for value in values)
