"""The page: whole, escaped, and in need of nothing from outside."""

import html.parser
import re

import pytest

from atrous.reports.html import largest_confusions, render
from atrous.reports.report import Published
from reports.made_up import evaluated


class Reader(html.parser.HTMLParser):
    """Tags that are open, and the text."""

    def __init__(self, page):
        super().__init__()
        self.open, self.seen, self.text = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, _attrs):
        self.seen.append(tag)
        if tag not in {"meta", "img"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, _attrs):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def page_of(**options):
    report, worst, _ = evaluated(**options)
    return render(report, worst)


def test_every_tag_is_closed_and_every_part_is_there():
    reader = Reader(page_of())

    assert reader.open == []
    for heading in ("Classes", "What is taken for what", "Along boundaries", "Worst pictures"):
        assert heading in reader.text


def test_names_are_text_and_never_tags():
    reader = Reader(page_of())

    assert "road & <b>curb</b>" in reader.text
    assert "p<4>" in reader.text
    assert not {"b>", "script", "link", "iframe"} & set(reader.seen)


def test_nothing_is_fetched():
    page = page_of()

    assert not re.search(r'(src|href)="(?!data:image/jpeg;base64,)', page)
    assert "url(" not in page
    assert "default-src 'none'" in page


def test_the_headline_is_the_mean_iou_of_the_report():
    report, worst, _ = evaluated()
    headline = re.search(r'class="headline">([\d.]+) % mIoU', render(report, worst))

    assert float(headline[1]) == pytest.approx(100 * report.scores.mean_iou, abs=0.005)


def test_the_gap_to_published_numbers_is_told():
    published = [Published(what="a paper", mean_iou=0.5, same_model=False)]
    report, _, _ = evaluated(published=published)

    gap = 100 * (report.scores.mean_iou - 0.5)
    assert f"{gap:+.2f} points" in page_of(published=published)


def test_parts_that_were_not_measured_are_left_out():
    page = page_of(extra=False)

    assert "Along boundaries" not in page
    assert "calibration" not in page


def test_confusions_are_those_of_the_matrix():
    report, _, matrix = evaluated()

    for true, predicted, count, of_class, _ in largest_confusions(report, 4):
        assert true != predicted
        assert count == matrix.counts[true, predicted]
        assert of_class == pytest.approx(count / matrix.counts[true].sum())


def test_a_page_of_a_perfect_model_has_no_confusions():
    assert "of all mistakes" not in page_of(shift=0)


def test_a_browser_draws_the_page(tmp_path, browser):
    (tmp_path / "report.html").write_text(page_of())

    colors = browser.draw(tmp_path / "report.html").getcolors(1 << 24)
    painted = {color for _, color in colors}
    # The bars are painted in the classes' own colours.
    assert {(0, 0, 90), (90, 90, 90), (200, 0, 0)} <= painted
