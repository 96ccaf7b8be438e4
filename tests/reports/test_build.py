"""The folder of a report."""

import csv

import pytest

from atrous.errors import ResourceError
from atrous.reports.build import check_folder, environment, images_csv, write_folder
from atrous.reports.report import read_report
from reports.made_up import evaluated


def test_a_folder_gets_three_files(tmp_path):
    report, worst, _ = evaluated()
    write_folder(tmp_path / "r", report, worst)

    names = sorted(path.name for path in (tmp_path / "r").iterdir())
    assert names == ["images.csv", "report.html", "report.json"]
    assert read_report(tmp_path / "r") == report


def test_every_picture_has_its_line():
    report, _, _ = evaluated()
    first, *rest = csv.DictReader(images_csv(report).splitlines())

    assert (first["name"], float(first["mean_iou"])) == ("p<0>", 1.0)
    assert {row["worst_class"] for row in rest} == {"car"}
    assert all(float(row["pixel_accuracy"]) < 1 for row in rest)


def test_a_place_that_is_taken_is_refused_before_anything_is_measured(tmp_path):
    check_folder(tmp_path / "new")
    check_folder(tmp_path)
    (tmp_path / "something").touch()

    for taken in (tmp_path, tmp_path / "something"):
        with pytest.raises(ResourceError, match="is there already"):
            check_folder(taken)


def test_the_environment_names_versions_and_the_processor():
    assert {"atrous", "python", "numpy", "processor", "cores"} <= environment().keys()
