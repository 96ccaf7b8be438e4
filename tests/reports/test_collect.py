"""What is kept of the pictures while they pass by."""

import io

import numpy as np
import pytest
from PIL import Image

from atrous.data.sample import Sample
from atrous.engine.evaluate import Measured
from atrous.labels import LabelSet
from atrous.metrics.confusion import ConfusionMatrix
from atrous.reports.collect import ObjectSizes, Worst
from reports.made_up import LABELS, Split, evaluated


def measured(predicted, labels, name="a"):
    matrix = ConfusionMatrix(3)
    matrix.update(predicted, labels)
    image = np.zeros((*labels.shape, 3), np.uint8)
    return Measured(Sample(name, image, labels), labels, predicted, None, matrix, 0.1)


def test_an_object_is_scored_against_what_is_nearest_to_it():
    labels = np.zeros((20, 40), np.uint8)
    labels[4:8, 4:8] = 1  # 16 pixels, half of them found
    labels[4:12, 24:32] = 1  # 64 pixels, all found, and 16 more beside it
    predicted = np.zeros_like(labels)
    predicted[4:6, 4:8] = 1
    predicted[4:12, 24:34] = 1
    sizes = ObjectSizes(LabelSet(("ground", "thing"), ((0, 0, 0), (1, 1, 1))))
    sizes.see(measured(predicted, labels))

    # Sides 4 and 8; the ground is a third object, of side 26.8, with 16 pixels lost and 8 too many.
    assert sizes.objects.tolist() == [1, 1, 1, 0, 0, 0, 0]
    assert sizes.sums[:2].tolist() == pytest.approx([8 / 16, 64 / 80])
    assert sizes.sums[2] == pytest.approx((720 - 16) / (720 + 8))


def test_regions_that_touch_at_a_corner_are_one_object():
    sizes = ObjectSizes(LABELS)
    labels = np.array([[0, 1], [1, 0]], np.uint8)
    sizes.see(measured(labels, labels))

    assert sizes.objects.sum() == 2
    assert sizes.sums.sum() == 2


def test_the_worst_pictures_come_first_and_no_more_than_asked_for():
    worst = Worst(LABELS, count=2)
    split = Split(5)
    for sample, wrong in zip(split.samples, (3, 1, 4, 0, 4), strict=True):
        predicted = np.roll(sample.labels, wrong, axis=1) % 255
        worst.see(measured(predicted.astype(np.uint8), sample.labels, sample.name))

    kept = worst.worst_first()
    assert [bad.name for bad in kept] == ["p<2>", "p<4>"]
    assert kept[0].mean_iou == pytest.approx(kept[1].mean_iou, abs=0.05)


def test_thumbnails_are_small_pictures_of_four_kinds():
    _, worst, _ = evaluated()

    for content in worst[0].views:
        with Image.open(io.BytesIO(content)) as image:
            assert (image.format, image.size) == ("JPEG", (60, 40))


def test_a_picture_without_labels_is_not_among_the_worst():
    worst = Worst(LABELS)
    worst.see(measured(np.zeros((4, 4), np.uint8), np.full((4, 4), 255, np.uint8)))

    assert worst.worst_first() == []
