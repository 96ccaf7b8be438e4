"""The report as a page."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from atrous.data.doctor import KINDS, check_dataset
from atrous.data.doctor.page import describe, write_page
from atrous.data.doctor.thumbnails import data_uri, paint_values
from atrous.errors import ResourceError
from data.broken_datasets import FAULTS, write_dataset
from data.broken_datasets import describe as describe_classes

_NO_END = {"meta", "img", "br", "tr", "td", "th", "p"}


class Tags(HTMLParser):
    """Tags with their attributes; those that must be closed are held against each other."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in _NO_END:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in _NO_END:
            assert self.open.pop() == tag


def page_of(tmp_path, name):
    root = write_dataset(tmp_path / "set", named=FAULTS[name].named)
    FAULTS[name].break_it(root)
    write_page(check_dataset(root), tmp_path / "page.html")
    return (tmp_path / "page.html").read_text("utf-8")


@pytest.mark.parametrize("name", FAULTS)
def test_a_page_is_whole_and_asks_for_nothing_from_elsewhere(tmp_path, name):
    tags = Tags(page_of(tmp_path, name))

    assert tags.open == ["html"]
    links = [attrs.get("src") or attrs.get("href") for _, attrs in tags.tags]
    assert all(link.startswith(("data:image/", "#")) for link in links if link)
    assert "script" not in {tag for tag, _ in tags.tags}


@pytest.mark.parametrize("name", ["0 and 255", "labels of another size", "photographs for labels"])
def test_each_kind_of_fault_is_shown_with_picture_and_labels(tmp_path, name):
    page = page_of(tmp_path, name)

    (kind,) = FAULTS[name].kinds
    section = page.partition(f"<h2 id={kind}")[2].partition("<details>")[0]
    assert KINDS[kind].title in section
    assert len(re.findall("<figure>", section)) <= 6
    assert len(re.findall("<img ", section)) == 2 * len(re.findall("<figure>", section)) > 0


def test_a_file_that_cannot_be_read_is_shown_as_such(tmp_path):
    assert "cannot be read" in page_of(tmp_path, "labels cut in half").partition("<figure>")[2]


def test_names_are_text_and_never_markup(tmp_path):
    root = write_dataset(tmp_path / "set")
    describe_classes(root, 'names = ["<script>alert(1)</script>", "a&b", "c"]')
    write_page(check_dataset(root), tmp_path / "page.html")

    page = (tmp_path / "page.html").read_text("utf-8")
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_page_is_never_written_over(tmp_path):
    (tmp_path / "page.html").write_text("mine")

    with pytest.raises(ResourceError, match="is there already"):
        write_page(check_dataset(write_dataset(tmp_path / "set")), tmp_path / "page.html")


def test_the_paragraph_on_top_counts_pairs_and_faults(tmp_path):
    assert describe(check_dataset(write_dataset(tmp_path / "set"))) == (
        "Layout paired (train/images beside train/masks); 6 pairs in train, 3 pairs in val. "
        "Nothing wrong was found."
    )


def test_stored_values_are_told_apart_by_colour():
    painted = paint_values(np.array([[0, 1], [2, 255]], np.uint8))

    assert painted[0, 0].tolist() == [0, 0, 0]
    assert painted[1, 1].tolist() == [255, 255, 255]
    assert len(np.unique(painted.reshape(-1, 3), axis=0)) == 4


def test_a_thumbnail_is_small_and_keeps_its_shape():
    uri = data_uri(np.zeros((300, 1200, 3), np.uint8), smooth=False)

    image = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    assert image.size == (240, 60)


@pytest.fixture
def written(tmp_path):
    """A page on a dataset with several faults, one of them a file that cannot be read."""
    root = write_dataset(tmp_path / "set", named=False)
    for name in ("0 and 255", "transparent picture"):
        FAULTS[name].break_it(root)
    (root / "train" / "masks" / "p1.png").unlink()
    (root / "train" / "masks" / "p2.png").write_bytes(b"no picture")
    report = check_dataset(root)
    write_page(report, tmp_path / "page.html")
    return report, tmp_path / "page.html"


def test_a_browser_loads_every_picture_and_shows_every_section(written, browser):
    report, page = written

    asked = """{
        loaded: [...document.images].map(image => image.complete && image.naturalWidth > 0),
        sections: [...document.querySelectorAll("h2[id]")].map(heading => heading.id),
        links: [...document.querySelectorAll("a")].every(link => document.querySelector(link.hash)),
        wide: document.documentElement.scrollWidth <= innerWidth,
        bars: [...document.querySelectorAll(".bar i")].filter(bar => bar.offsetWidth > 0).length,
    }"""
    found = browser.ask(page, asked)

    assert len(found["loaded"]) > 4
    assert all(found["loaded"])
    assert set(found["sections"]) == {finding.kind for finding in report.findings}
    assert found["links"]
    assert found["wide"]
    assert found["bars"] == sum(row.share > 0 for row in report.classes)


def test_a_browser_has_nothing_to_complain_of(written, browser):
    assert browser.complaints(written[1]) == []


def test_a_browser_complains_of_a_page_that_loads_something(written, browser):
    _, page = written
    page.write_text(page.read_text("utf-8") + "<script>1</script>", "utf-8")

    assert browser.complaints(page) != []
