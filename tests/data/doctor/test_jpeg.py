"""Damage inside JPEGs that decode."""

import io
import os

import numpy as np
import pytest
from PIL import Image

from atrous.data.doctor import jpeg
from atrous.data.doctor.jpeg import read_complaint
from data.broken_datasets import draw_image


@pytest.fixture
def path(tmp_path):
    Image.fromarray(draw_image(0)).save(tmp_path / "a.jpg", quality=95)
    return tmp_path / "a.jpg"


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 2}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_whole_jpeg_is_not_complained_of(path, options, mode):
    Image.fromarray(draw_image(1)).convert(mode).save(path, **options)

    assert read_complaint(path) is None


def test_data_that_end_before_the_picture_does_are_told(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 3 // 4] + b"\xff\xd9")

    assert read_complaint(path) == "premature end of data segment"


def test_bytes_that_no_block_takes_are_told(path):
    path.write_bytes(path.read_bytes()[:-2] + bytes(100) + b"\xff\xd9")

    assert "extraneous bytes" in read_complaint(path)


def test_nothing_is_left_on_standard_error_and_it_works_on(path, capfd):
    path.write_bytes(path.read_bytes()[:-2] + bytes(100) + b"\xff\xd9")
    read_complaint(path)
    os.write(2, b"after")

    assert capfd.readouterr().err == "after"


def test_what_others_write_meanwhile_is_passed_on(path, capfd, monkeypatch):
    monkeypatch.setattr(jpeg.cv2, "imdecode", lambda *_: os.write(2, b"a line of another thread\n"))

    assert read_complaint(path) is None
    assert capfd.readouterr().err == "a line of another thread\n"


def test_what_is_no_jpeg_for_opencv_is_left_to_pillow(path):
    path.write_bytes(b"\xff\xd8\xff" + np.random.default_rng(0).bytes(500))

    assert read_complaint(path) is None


def test_pillow_alone_sees_no_damage_here(path):
    data = path.read_bytes()
    cut = data[: len(data) * 3 // 4] + b"\xff\xd9"

    # The reason for this module: once this raises, the module can go.
    assert Image.open(io.BytesIO(cut)).convert("RGB").size == (64, 48)
