"""Learning curves of a run folder."""

import pytest

from atrous.errors import InputError
from atrous.reports.html import render
from atrous.reports.learning import read_learning
from reports.made_up import evaluated

LINES = (
    "epoch,step,loss,learning_rate,mean_iou,pixel_accuracy\n1,9,2.5,0.1,,\n2,18,1.25,0.05,0.4,0.8\n"
)


def test_epochs_are_read_with_and_without_a_measurement(tmp_path):
    (tmp_path / "metrics.csv").write_text(LINES)

    first, second = read_learning(tmp_path)
    assert (first.epoch, first.loss, first.mean_iou) == (1, 2.5, None)
    assert (second.epoch, second.loss, second.mean_iou) == (2, 1.25, 0.4)


def test_a_model_file_has_no_curves(tmp_path):
    assert read_learning(tmp_path / "model.onnx") == ()


@pytest.mark.parametrize(
    "content", [b"epoch\n1\n", LINES.replace("2.5", "low").encode(), b"\xff\xfe", b"epoch,loss\n1"]
)
def test_a_damaged_file_is_refused_with_its_name(content, tmp_path):
    (tmp_path / "metrics.csv").write_bytes(content + b"\n1,2\n")

    with pytest.raises(InputError, match=r"metrics\.csv: is not what training writes"):
        read_learning(tmp_path)


def test_the_page_draws_them(tmp_path):
    (tmp_path / "metrics.csv").write_text(LINES)
    report, worst, _ = evaluated()

    page = render(report.model_copy(update={"learning": read_learning(tmp_path)}), worst)
    assert "mean IoU while training" in page
    assert "loss, of 2.5" in page
    assert "Learning" not in render(report, worst)
