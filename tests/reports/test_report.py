"""A report says what was counted, and is read again as it was written."""

import json

import numpy as np
import pytest

from atrous.engine.protocols import PROTOCOLS
from atrous.errors import InputError, ResourceError
from atrous.reports.compare import compare
from atrous.reports.html import render
from atrous.reports.report import read_report, write_report
from reports.made_up import evaluated


def test_a_report_holds_the_scores_of_the_matrix():
    report, _, matrix = evaluated()

    assert report.scores.mean_iou == matrix.mean_iou()
    assert [one.iou for one in report.classes] == matrix.iou().tolist()
    assert np.array_equal(report.confusion, matrix.counts)
    assert report.scores.low < report.scores.mean_iou < report.scores.high


def test_the_counts_of_pictures_add_up_to_the_whole():
    report, _, matrix = evaluated()

    np.testing.assert_array_equal(report.picture_counts().sum(0), matrix.class_counts())


def test_void_counted_as_wrong_is_in_the_pictures_too():
    report, _, matrix = evaluated(protocol=PROTOCOLS["camvid-void"])

    assert sum(report.void) == 5 * 2 * 60  # two rows of every picture are ignored
    np.testing.assert_array_equal(report.picture_counts().sum(0), matrix.class_counts())


def test_a_report_is_read_as_it_was_written(tmp_path):
    report, _, _ = evaluated()
    write_report(tmp_path / "report.json", report)

    assert read_report(tmp_path) == read_report(tmp_path / "report.json") == report


def test_a_report_that_is_there_is_not_replaced(tmp_path):
    report, _, _ = evaluated()
    write_report(tmp_path / "report.json", report)

    with pytest.raises(ResourceError, match="is there already"):
        write_report(tmp_path / "report.json", report)


def test_what_was_not_counted_is_null_in_the_file(tmp_path):
    report, _, _ = evaluated(extra=False)
    write_report(tmp_path / "report.json", report)

    content = json.loads((tmp_path / "report.json").read_text())
    assert content["boundary"] is None
    assert content["scores"]["calibration_error"] is None
    assert content["format"] == "atrous-report/1"


def test_the_fingerprint_is_that_of_names_and_labels_and_not_of_predictions():
    assert evaluated()[0].data.fingerprint == evaluated(shift=3)[0].data.fingerprint
    assert evaluated()[0].data.fingerprint != evaluated(count=4)[0].data.fingerprint


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda content: content[:-9], "not a report"),
        (lambda content: b"\xff\xfe" + content, "not a report"),
        (lambda _: b"[" * 100_000, "not a report"),
        (lambda content: content.replace(b"atrous-report/1", b"atrous-report/9"), "format"),
        (lambda content: content.replace(b'"confusion"', b'"confusions"'), "did you mean"),
        (lambda content: content.replace(b'"void": [', b'"void": [1,'), "3 classes"),
        (lambda content: content.replace(b'"2": [', b'"7": ['), "counts of class 7"),
        (lambda _: b"{}", "is missing"),
        (lambda content: content.replace(b'"seconds": ', b'"seconds": -1'), "greater than"),
        (lambda content: content.replace(b'"level": 0.95', b'"level": NaN'), "finite"),
    ],
)
def test_a_file_that_is_no_report_is_refused_with_its_name(damage, reason, tmp_path):
    path = tmp_path / "report.json"
    write_report(path, evaluated()[0])
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(InputError, match=rf"report\.json: .*{reason}") as caught:
        read_report(path)
    assert len(str(caught.value)) < 600


def test_a_damaged_report_is_refused_or_compared_and_never_a_crash(tmp_path):
    report, worst, _ = evaluated()
    path = tmp_path / "report.json"
    write_report(path, report)
    whole, random = path.read_bytes(), np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole), 3):
            damaged[place] = random.integers(0, 256)
        path.write_bytes(damaged)
        try:
            found = read_report(path)
            render(found, worst)
            compare(report, found, resamples=20)
        except InputError:
            refused += 1

    assert refused > 30


def test_more_counts_than_fit_in_memory_are_refused(monkeypatch):
    monkeypatch.setattr("atrous.reports.report._MAX_COUNTS", 14)

    with pytest.raises(ValueError, match="5 pictures of 3 classes are too many"):
        evaluated()


def test_a_report_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"report\.json: cannot be read"):
        read_report(tmp_path)
