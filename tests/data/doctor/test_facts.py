"""What is read of a pair's files."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from atrous.data.doctor.facts import (
    MAX_VALUES,
    difference_hash,
    read_facts,
    read_image_facts,
    read_label_facts,
)
from atrous.data.doctor.listing import Entry
from atrous.data.doctor.set_checks import NEAR_BITS
from atrous.data.sample import ImageFile, LabelFile
from data.broken_datasets import draw_image, draw_labels


def bits_apart(one, other):
    return sum((a ^ b).bit_count() for a, b in zip(one, other, strict=True))


def as_jpeg(image, quality):
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=quality)
    return Image.open(buffer)


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.resize((32, 24), Image.Resampling.BOX),
        lambda image: as_jpeg(image, 30),
        lambda image: ImageEnhance.Brightness(image).enhance(0.9),
    ],
)
def test_nearly_equal_pictures_have_nearly_equal_hashes(change):
    image = Image.fromarray(draw_image(3))
    looks = [difference_hash(np.asarray(picture)) for picture in (image, change(image))]

    assert bits_apart(*looks) <= NEAR_BITS


def test_different_pictures_have_hashes_far_apart():
    looks = [difference_hash(draw_image(seed)) for seed in range(20)]

    # Of unlike pictures about half of the 128 bits differ.
    assert min(bits_apart(a, b) for a in looks for b in looks if a is not b) > 3 * NEAR_BITS


def test_a_picture_without_contrast_has_no_hash():
    assert difference_hash(np.full((20, 30, 3), 90, np.uint8)) is None


@pytest.mark.parametrize("mode", ["L", "P"])
def test_values_are_counted_as_stored(tmp_path, mode):
    image = Image.fromarray(draw_labels(0))
    if mode == "P":
        image = image.convert("P")
    image.save(tmp_path / "a.png")

    facts = read_label_facts(tmp_path / "a.png")

    values, counts = np.unique(draw_labels(0), return_counts=True)
    assert facts.values == dict(zip(values.tolist(), counts.tolist(), strict=True))
    assert facts.colors == {}


def test_of_many_colours_the_most_frequent_are_kept_and_the_rest_is_counted(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    pixels[:5] = (1, 2, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png")

    facts = read_label_facts(tmp_path / "a.png")

    assert len(facts.colors) == MAX_VALUES
    assert facts.colors[1, 2, 3] >= 250
    assert sum(facts.colors.values()) + facts.left_out == 2000


def test_a_turned_picture_is_known_by_both_sizes(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 8
    Image.new("RGB", (30, 20)).save(tmp_path / "a.jpg", exif=exif)

    facts = read_image_facts(tmp_path / "a.jpg")

    assert (facts.size, facts.stored_size, facts.orientation) == ((30, 20), (20, 30), 8)


@pytest.mark.parametrize("pixels", [np.uint16([[0, 65535], [7, 9]]), np.float32([[0, 1], [2, 3]])])
def test_pictures_of_many_bits_are_told(tmp_path, pixels):
    Image.fromarray(pixels).save(tmp_path / "a.tif")

    assert read_image_facts(tmp_path / "a.tif").deep


class Drawn:
    """Labels that come from no file of their own."""

    path = Path("outlines.json")

    def read(self, size):
        return np.ones(size, np.uint8)


def test_labels_that_are_drawn_are_drawn_at_the_size_of_their_picture(tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")

    facts = read_facts(Entry("train", "a", ImageFile(tmp_path / "a.png"), Drawn()))

    assert facts.labels.values == {1: 600}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data(), st.sampled_from(["png", "jpg", "tif", "gif"]))
def test_whatever_bytes_are_damaged_there_are_facts_or_a_sentence(tmp_path, data, kind):
    buffer = io.BytesIO()
    picture = Image.fromarray(draw_labels(0) if kind != "jpg" else draw_image(0))
    picture.save(buffer, format={"jpg": "JPEG", "tif": "TIFF"}.get(kind, kind))
    content = bytearray(buffer.getvalue())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path / f"a.{kind}"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])

    facts = read_facts(Entry("train", "a", ImageFile(path), LabelFile(path)))

    assert (facts.image is None) == bool(facts.image_error)
    assert (facts.labels is None) == bool(facts.labels_error)
