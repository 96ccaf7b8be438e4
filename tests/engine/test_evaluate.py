"""One confusion matrix over a split, against a case worked out by hand."""

import numpy as np
import pytest

from atrous.data.detect import open_split
from atrous.data.sample import Pair, Sample
from atrous.engine.evaluate import evaluate, evaluation_of, measure, samples_of
from atrous.engine.protocols import PROTOCOLS
from atrous.labels import LabelSet
from atrous.metrics.confusion import ConfusionMatrix


class TwoPictures:
    """Sky and road; nobody has seen a car, and one pixel is ignored."""

    label_set = LabelSet(("sky", "road", "car"), ((0, 0, 0), (1, 1, 1), (2, 2, 2)))
    pairs: tuple[Pair, ...] = ()
    samples = (
        Sample("a", np.zeros((2, 2, 3), np.uint8), np.array([[0, 0], [1, 255]], np.uint8)),
        Sample("b", np.ones((1, 2, 3), np.uint8), np.array([[0, 1]], np.uint8)),
    )


def always_sky(image: np.ndarray) -> np.ndarray:
    return np.zeros(image.shape[:2], np.uint8)


def test_scores_are_those_worked_out_by_hand():
    found = evaluate(always_sky, TwoPictures(), TwoPictures.samples)

    # Of five labelled pixels three are sky, and all are called sky.
    assert found.iou == {"sky": pytest.approx(3 / 5), "road": 0.0, "car": None}
    assert found.mean_iou == pytest.approx(3 / 10)
    assert found.pixel_accuracy == pytest.approx(3 / 5)


def test_averages_over_classes_are_those_worked_out_by_hand():
    found = evaluate(always_sky, TwoPictures(), TwoPictures.samples)

    assert found.mean_class_accuracy == pytest.approx((1 + 0) / 2)
    assert found.frequency_weighted_iou == pytest.approx(3 / 5 * 3 / 5)
    assert found.mean_dice == pytest.approx((2 * 3 / (3 + 5) + 0) / 2)


def test_void_counts_as_wrong_where_the_protocol_says_so():
    matrix, _ = measure(
        lambda image: (always_sky(image), None),
        TwoPictures(),
        TwoPictures.samples,
        protocol=PROTOCOLS["camvid-void"],
    )

    # The ignored pixel is one more that is called sky and is not.
    assert matrix.iou()[0] == pytest.approx(3 / 6)
    assert matrix.pixel_accuracy() == pytest.approx(3 / 6)


def test_watchers_see_every_picture_with_its_own_counts():
    seen = []

    class Watcher:
        def see(self, picture):
            seen.append(picture)

    matrix, images = measure(
        lambda image: (always_sky(image), None),
        TwoPictures(),
        TwoPictures.samples,
        watchers=[Watcher()],
    )

    assert [picture.sample.name for picture in seen] == ["a", "b"]
    assert images == 2
    np.testing.assert_array_equal(sum(picture.matrix.counts for picture in seen), matrix.counts)


def test_the_pictures_that_were_measured_are_counted():
    assert evaluate(always_sky, TwoPictures(), TwoPictures.samples).images == 2
    assert evaluate(always_sky, TwoPictures(), TwoPictures.samples[:1]).images == 1


def test_knowing_the_labels_scores_one(camvid_like):
    pairs = open_split(camvid_like, "val")
    answers = {sample.image.tobytes(): sample.labels for sample in samples_of(pairs)}

    # Where labels are ignored, what is predicted does not matter.
    found = evaluate(lambda image: answers[image.tobytes()] % 11, pairs, samples_of(pairs))

    assert found.mean_iou == 1.0
    assert found.images == 4
    assert set(found.iou) == set(pairs.label_set.names)


def test_without_labelled_pixels_there_is_no_score():
    found = evaluation_of(ConfusionMatrix(2), ("sky", "road"), 0)

    assert found.iou == {"sky": None, "road": None}
    assert np.isnan(found.mean_iou)
